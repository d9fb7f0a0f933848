package import Codes

/// Writes the made-up raw records of one department, row by row; any row can be written alone,
/// and the same numbers give the same bytes. The people are those of `SamplePopulation`.
///
/// Three fifths of the people have records, and times rise through a source's files, within a
/// day's disorder.
package struct SampleRecords: Sendable {
  /// What all sources of a sample share.
  package final class World: Sendable {
    let population: SamplePopulation
    let people: Int
    let strangers: Int
    let seed: UInt64
    /// The people who have records, mixed.
    let active: Permutation
    let activeCount: Int
    let asOfUnixSeconds: Int64
    let places: SamplePlaces

    /// The most people: there must be room for strangers.
    package static let peopleMax = SamplePopulation.peopleMax / 5 * 4

    /// `people`, `seed` and `region` are those of the population; records end at `asOf`.
    package init(people: Int, seed: UInt64, region: Region, asOf: CityTime) {
      precondition(1...World.peopleMax ~= people, "a sample has 1 to 400 million people")
      self.people = people
      strangers = max(100, people / 4)
      self.seed = seed
      population = SamplePopulation(people: people + strangers, seed: seed, region: region)
      var random = SampleRandom(seed: ~seed)
      active = Permutation(count: people, &random)
      activeCount = max(1, people / 5 * 3)
      asOfUnixSeconds = asOf.unixSeconds
      places = SamplePlaces(region: region)
    }
  }

  /// How long before `asOf` the first record lies.
  package static let windowSeconds: Int64 = 55 * 86_400

  package let source: SampleSource
  /// Rows of the source.
  package let rowCount: Int
  let world: World
  /// What the source's rows are drawn from.
  let salt: UInt64

  /// The rows that `source` has of `records` in all.
  package init(_ source: SampleSource, of records: Int, in world: World) {
    self.source = source
    self.world = world
    rowCount = source.rowCount(ofRecords: records)
    let number = SampleSource.all.firstIndex { $0.name == source.name } ?? 0
    salt = SampleRandom.mix(world.seed &+ UInt64(number + 1) << 32)
  }

  /// Files the source has.
  package var fileCount: Int { (rowCount + source.rowsPerFile - 1) / source.rowsPerFile }

  /// The rows of a file, 0 the first.
  package func rows(ofFile file: Int) -> Range<Int> {
    file * source.rowsPerFile..<min(rowCount, (file + 1) * source.rowsPerFile)
  }

  /// Appends the row with this number, its line end included, and says what is wrong with it.
  package func append(
    _ number: Int, to output: inout [UInt8], _ scratch: inout Scratch
  ) -> SampleDirt? {
    var random = randomness(of: number)
    let dirt = SampleDirt.chosen[Int(random.next() & 0xFFFF)]
    switch dirt {
    case .repeated, .repeatedAcross, .contradicting:
      if let earlier = earlierRow(number, dirt, &random) {
        appendOwn(earlier, isContradicting: dirt == .contradicting, to: &output, &scratch)
        return dirt
      }
    default: break
    }
    return appendOwn(number, isContradicting: false, to: &output, &scratch)
  }

  private func randomness(of number: Int) -> SampleRandom {
    SampleRandom(seed: SampleRandom.mix(salt ^ UInt64(number)))
  }

  /// Which row is said again; `nil` when there is none before.
  private func earlierRow(
    _ number: Int, _ dirt: SampleDirt?, _ random: inout SampleRandom
  ) -> Int? {
    let firstOfFile = number / source.rowsPerFile * source.rowsPerFile
    let isAcross = dirt == .repeatedAcross && firstOfFile > 0
    guard isAcross || number > firstOfFile else { return nil }
    for _ in 0..<8 {
      let earlier =
        isAcross
        ? Int(random.next() % UInt64(firstOfFile))
        : number - 1 - Int(random.next() % UInt64(min(number - firstOfFile, 5_000)))
      // One that repeats another says nothing of its own.
      var its = randomness(of: earlier)
      switch SampleDirt.chosen[Int(its.next() & 0xFFFF)] {
      case .repeated, .repeatedAcross, .contradicting: continue
      default: return earlier
      }
    }
    return nil
  }

  /// Appends the row as if it repeated none; `isContradicting` says the next other result.
  @discardableResult
  private func appendOwn(
    _ number: Int, isContradicting: Bool, to output: inout [UInt8], _ scratch: inout Scratch
  ) -> SampleDirt? {
    var random = randomness(of: number)
    var dirt = SampleDirt.chosen[Int(random.next() & 0xFFFF)]
    switch dirt {
    case .repeated, .repeatedAcross, .contradicting: dirt = nil
    case .unknownOutcome where source.outcomes.isEmpty: dirt = nil
    case .unknownType where !source.columns.contains(.documentType): dirt = nil
    default: break
    }
    if isContradicting { dirt = nil }
    choosePerson(dirt, &random, &scratch)
    let start = output.count
    var lastDelimiter = start
    for (index, column) in source.columns.enumerated() {
      if index > 0 {
        lastDelimiter = output.count
        output.append(source.delimiter)
      }
      let row = Row(dirt: dirt, isContradicting: isContradicting, number: number)
      append(column, row, to: &output, &random, scratch)
    }
    if dirt == .cutShort {
      var end = start + 1 + Int(random.next() % UInt64(lastDelimiter - start))
      // Not within a character, and never to nothing.
      while end > start, output[end] & 0xC0 == 0x80 { end -= 1 }
      output.removeLast(output.count - (end > start ? end : lastDelimiter))
    }
    output.append(contentsOf: source.lineEnd)
    return dirt
  }

  /// Finds whom the row is about, fit for what is wrong with it.
  private func choosePerson(
    _ dirt: SampleDirt?, _ random: inout SampleRandom, _ scratch: inout Scratch
  ) {
    let onlyResidents = source.isForResidents && random.next() % 20 != 0
    while true {
      let draw = random.next()
      let index =
        dirt == .unregistered
        ? world.people + Int(draw % UInt64(world.strangers))
        : world.active[Int(draw % UInt64(world.activeCount))]
      guard let type = world.population.documentType(at: index) else { continue }
      if type != .residentID {
        guard !onlyResidents, dirt != .wrongCheckDigit, dirt != .fifteenDigits else { continue }
      }
      scratch.take(index, type, of: world.population)
      if dirt == .fifteenDigits {
        // Numbers of 15 digits were given to people born before 2000.
        let century = scratch.document
        guard scratch.bytes[century.lowerBound + 6] == 0x31 else { continue }
      }
      return
    }
  }

  /// What the writers of fields are told of their row.
  struct Row {
    let dirt: SampleDirt?
    let isContradicting: Bool
    let number: Int
  }

  /// One person's row of the population file, kept from row to row for its room.
  package struct Scratch: Sendable {
    var bytes: [UInt8] = []
    var type = DocumentType.residentID
    var document = 0..<0
    var name = 0..<0
    var phone = 0..<0

    package init() { bytes.reserveCapacity(SamplePopulation.rowByteCountMax) }

    mutating func take(_ index: Int, _ type: DocumentType, of population: SamplePopulation) {
      bytes.removeAll(keepingCapacity: true)
      population.append(at: index, to: &bytes)
      self.type = type
      var position = 0
      _ = field(&position)
      document = field(&position)
      _ = field(&position)
      name = field(&position)
      phone = field(&position)
    }

    private func field(_ position: inout Int) -> Range<Int> {
      let start = position
      while bytes[position] != 0x2C { position += 1 }
      position += 1
      return start..<position - 1
    }
  }
}
