package import Codes

/// Writes a made-up population as a CSV file that `PopulationReader` takes, row by row, in any
/// amount and without remembering what it wrote. The same people, seed and region give the same
/// bytes; all document numbers of a file differ.
///
/// Of every 100 rows 84 are residents (67 of the region itself), 3 hold a Hong Kong or Macao
/// permit, 2 a Taiwan permit, 2 a passport, 4 are organisations and 5 dependants, whose guardian
/// is a resident of an earlier row. The order within the hundred is the seed's. Of the permits of
/// Hong Kong and Macao one in fifty has name and phone of a resident.
package struct SamplePopulation: Sendable {
  /// The most people of one file.
  package static let peopleMax = 500_000_000
  /// No row, and not the header, is longer.
  package static let rowByteCountMax = 256

  private enum Role: UInt8 {
    case homeResident
    case otherResident
    case hkMacao
    case taiwan
    case passport
    case organisation
    case dependant
  }

  private static let shares: [(Role, Int)] = [
    (.homeResident, 67), (.otherResident, 17), (.hkMacao, 3), (.taiwan, 2), (.passport, 2),
    (.organisation, 4), (.dependant, 5),
  ]
  private static let period = 100

  private let people: Int
  private let salt: UInt64
  private let names = SampleNames()
  private let numbers: SampleNumbers
  /// The role of each row of a hundred, the same for every hundred.
  private let roles: [Role]
  /// How many rows of the same role, and how many of home residents, are before it in the hundred.
  private let ranks: [Int]
  private let homeResidentsBefore: [Int]
  /// How many rows of each role a hundred has, by raw value.
  private let shareOfRole: [Int]
  private var next = 0
  private var hasHeader = false

  /// `people` is 0 to 500 million, which every form of number has room for.
  package init(people: Int, seed: UInt64, region: Region) {
    precondition(0...SamplePopulation.peopleMax ~= people, "a sample has 0 to 500 million people")
    self.people = people
    var random = SampleRandom(seed: seed)
    salt = random.next()
    numbers = SampleNumbers(region: region, random: &random)
    var roles = SamplePopulation.shares.flatMap { Array(repeating: $0.0, count: $0.1) }
    // The first row stays a home resident: a guardian for whoever comes next.
    for index in stride(from: SamplePopulation.period - 1, to: 1, by: -1) {
      roles.swapAt(index, 1 + Int(random.next() % UInt64(index)))
    }
    self.roles = roles
    ranks = roles.indices.map { index in
      roles[..<index].count { $0 == roles[index] }
    }
    homeResidentsBefore = roles.indices.map { index in
      roles[..<index].count { $0 == .homeResident }
    }
    shareOfRole = SamplePopulation.shares.map(\.1)
  }

  /// Appends the header, when it is the first call, and whole rows, at most `byteCount` bytes of
  /// them (256 or more). Returns whether rows are left for another call.
  package mutating func appendRows(into output: inout [UInt8], upTo byteCount: Int) -> Bool {
    precondition(byteCount >= SamplePopulation.rowByteCountMax, "room for one row at least")
    // One copy for the whole call: the closure would otherwise copy all tables for every row.
    let writer = self
    var next = next
    output.append(addingCapacity: byteCount) { rows in
      if !writer.hasHeader {
        writer.append(PopulationColumn.header, to: &rows)
        rows.append(0x0A)
      }
      while next < writer.people, rows.count + SamplePopulation.rowByteCountMax <= byteCount {
        writer.appendRow(next, to: &rows)
        next += 1
      }
    }
    self.next = next
    hasHeader = true
    return next < people
  }

  /// The header and the rows with these numbers, 0 the first, in the order given: people from
  /// all over a large population at the cost of those few.
  package func rows(at indices: [Int]) -> [UInt8] {
    var file = Array(PopulationColumn.header.utf8) + [0x0A]
    file.reserveCapacity((indices.count + 1) * SamplePopulation.rowByteCountMax / 2)
    for index in indices {
      precondition(0..<people ~= index, "the population has no row \(index)")
      file.append(addingCapacity: SamplePopulation.rowByteCountMax) { appendRow(index, to: &$0) }
    }
    return file
  }

  /// The document type of the person in a row; `nil` for an organisation.
  func documentType(at index: Int) -> DocumentType? {
    switch roles[index % SamplePopulation.period] {
    case .homeResident, .otherResident, .dependant: .residentID
    case .hkMacao: .hkMacaoPermit
    case .taiwan: .taiwanPermit
    case .passport: .passport
    case .organisation: nil
    }
  }

  /// Appends the row with this number, 0 the first, its line end included.
  func append(at index: Int, to output: inout [UInt8]) {
    output.append(addingCapacity: SamplePopulation.rowByteCountMax) { appendRow(index, to: &$0) }
  }

  private func appendRow(_ index: Int, to row: inout OutputSpan<UInt8>) {
    let (hundred, place) = index.quotientAndRemainder(dividingBy: SamplePopulation.period)
    let role = roles[place]
    let ordinal = hundred * shareOfRole[Int(role.rawValue)] + ranks[place]
    let choice = SampleRandom.mix(salt &+ UInt64(index))
    switch role {
    case .homeResident:
      appendResident(ordinal, isHome: true, choice, to: &row)
    case .otherResident:
      appendResident(ordinal, isHome: false, choice, to: &row)
    case .dependant:
      appendDependant(ordinal, hundred, place, choice, to: &row)
    case .organisation:
      appendOrganisation(ordinal, choice, to: &row)
    case .hkMacao:
      append("hk_macao_permit,", to: &row)
      numbers.appendHKMacaoPermit(ordinal, to: &row)
      append(",visitor,", to: &row)
      let contact = contactChoice(hundred, choice)
      names.appendChinese(contact, to: &row)
      appendPhone(contact, to: &row)
      append(",,\n", to: &row)
    case .taiwan:
      append("taiwan_permit,", to: &row)
      numbers.appendTaiwanPermit(ordinal, to: &row)
      append(",visitor,", to: &row)
      names.appendChinese(choice, to: &row)
      appendPhone(choice, to: &row)
      append(",,\n", to: &row)
    case .passport:
      append("passport,", to: &row)
      numbers.appendPassport(ordinal, choice: choice >> 40, to: &row)
      append(",visitor,", to: &row)
      names.appendForeign(choice, to: &row)
      appendPhone(choice, to: &row)
      append(",,\n", to: &row)
    }
  }

  /// From what name and phone come. One permit of fifty is of someone who is also registered as a
  /// resident, by the first row of some hundred before: so phone and name alone fit two holders.
  private func contactChoice(_ hundred: Int, _ choice: UInt64) -> UInt64 {
    let draw = SampleRandom.mix(~choice)
    guard draw % 50 == 0 else { return choice }
    let first = draw >> 8 % UInt64(hundred + 1) * UInt64(SamplePopulation.period)
    return SampleRandom.mix(salt &+ first)
  }

  private func appendResident(
    _ ordinal: Int, isHome: Bool, _ choice: UInt64, to row: inout OutputSpan<UInt8>
  ) {
    append("resident_id,", to: &row)
    append(numbers.residentID(ordinal, .adult, isHome: isHome), to: &row)
    append(",resident,", to: &row)
    names.appendChinese(choice, to: &row)
    appendPhone(choice, to: &row)
    append(",,\n", to: &row)
  }

  private func appendDependant(
    _ ordinal: Int, _ hundred: Int, _ place: Int, _ choice: UInt64,
    to row: inout OutputSpan<UInt8>
  ) {
    append("resident_id,", to: &row)
    append(numbers.residentID(ordinal, .child, isHome: true), to: &row)
    append(",dependant,", to: &row)
    names.appendChinese(choice, to: &row)
    appendPhone(choice, to: &row)
    append(",resident_id,", to: &row)
    // Any home resident of the rows before.
    let residents = hundred * shareOfRole[0] + homeResidentsBefore[place]
    let guardian = Int(SampleRandom.mix(choice) % UInt64(residents))
    append(numbers.residentID(guardian, .adult, isHome: true), to: &row)
    row.append(0x0A)
  }

  private func appendOrganisation(
    _ ordinal: Int, _ choice: UInt64, to row: inout OutputSpan<UInt8>
  ) {
    // 91 companies, 92 sole traders, 12 public institutions, 52 social organisations.
    let kind =
      switch choice >> 56 {
      case 0..<160: 91
      case 160..<236: 92
      case 236..<248: 12
      default: 52
      }
    append("uscc,", to: &row)
    append(numbers.organisationCode(ordinal, kind: kind, choice: choice >> 8), to: &row)
    append(",organisation,", to: &row)
    names.appendCompany(choice, to: &row)
    appendPhone(choice, to: &row)
    append(",,\n", to: &row)
  }

  /// Appends a comma and eleven digits: 1, 3 to 9, and nine more.
  private func appendPhone(_ choice: UInt64, to row: inout OutputSpan<UInt8>) {
    row.append(0x2C)
    let number = SampleRandom.mix(choice ^ salt) % 7_000_000_000
    SampleNumbers.append(13_000_000_000 + Int(number), digits: 11, to: &row)
  }

  private func append(_ text: String, to row: inout OutputSpan<UInt8>) {
    for byte in text.utf8 { row.append(byte) }
  }

  private func append(_ number: InlineArray<18, UInt8>, to row: inout OutputSpan<UInt8>) {
    for index in number.indices { row.append(number[index]) }
  }
}
