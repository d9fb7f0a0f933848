import Codes

/// The document numbers of a sample population. Each maps an ordinal, 0 and up, to a number with
/// right check characters, one to one: an affine map permutes the range of all numbers that the
/// form allows, and its digits in a mixed base are the parts of the number. So numbers look
/// unordered and never repeat, and nothing has to be remembered.
struct SampleNumbers {
  /// Which people's birth dates an ordinal's number may have; the two never meet, so that an adult
  /// and a dependant never share a number.
  enum Age {
    case adult
    case child
  }

  /// Four digits of cities of the region, and of all other provinces.
  private let homePlaces: [Int]
  private let otherPlaces: [Int]
  /// Dates as eight digits.
  private let adultDates: [Int]
  private let childDates: [Int]
  private let homeAdults: Permutation
  private let otherAdults: Permutation
  private let children: Permutation
  private let hkMacaoPermits: Permutation
  private let taiwanPermits: Permutation
  private let passports: Permutation
  private let organisations: Permutation

  private static let districtCount = 16
  private static let sequenceCount = 999
  /// Countries of sample passports, by ICAO 9303.
  private static let countries = [
    "USA", "JPN", "KOR", "CAN", "AUS", "GBR", "DEU", "FRA", "SGP", "MYS", "RUS", "IND",
  ].map { Array($0.utf8) }

  init(region: Region, random: inout SampleRandom) {
    let number = Int(region.number)
    // A province has cities 01 to 08; a municipality numbers its districts as one city 01, and a
    // region that is a city is one place.
    let isMunicipality = [11, 12, 31, 50].contains(region.province)
    homePlaces =
      number % 10_000 == 0
      ? (1...(isMunicipality ? 1 : 8)).map { region.province * 100 + $0 } : [number / 100]
    otherPlaces = (11...65).filter { ResidentID.isProvince($0) && $0 != region.province }
      .flatMap { province in (1...4).map { province * 100 + $0 } }
    adultDates = SampleNumbers.dates(1930...2004)
    childDates = SampleNumbers.dates(2008...2023)
    let people = SampleNumbers.districtCount * SampleNumbers.sequenceCount
    homeAdults = Permutation(count: people * homePlaces.count * adultDates.count, &random)
    otherAdults = Permutation(count: people * otherPlaces.count * adultDates.count, &random)
    children = Permutation(count: people * homePlaces.count * childDates.count, &random)
    hkMacaoPermits = Permutation(count: 200_000_000, &random)
    taiwanPermits = Permutation(count: 100_000_000, &random)
    passports = Permutation(count: 1_000_000_000, &random)
    organisations = Permutation(count: 887_503_681, &random)  // 31⁶
  }

  /// 18 characters of GB 11643. `isHome` takes the region's own places.
  func residentID(_ ordinal: Int, _ age: Age, isHome: Bool) -> InlineArray<18, UInt8> {
    let places = isHome ? homePlaces : otherPlaces
    let dates = age == .adult ? adultDates : childDates
    let permutation = age == .child ? children : isHome ? homeAdults : otherAdults
    var rest = permutation[ordinal]
    let sequence = rest % SampleNumbers.sequenceCount + 1
    rest /= SampleNumbers.sequenceCount
    let district = rest % SampleNumbers.districtCount + 1
    rest /= SampleNumbers.districtCount
    let date = dates[rest % dates.count]
    let place = places[rest / dates.count]
    var digits = InlineArray<18, UInt8>(repeating: 0)
    SampleNumbers.write(place, digits: 4, to: &digits, at: 0)
    SampleNumbers.write(district, digits: 2, to: &digits, at: 4)
    SampleNumbers.write(date, digits: 8, to: &digits, at: 6)
    SampleNumbers.write(sequence, digits: 3, to: &digits, at: 14)
    digits[17] = ResidentID.checkCharacter(of: digits.span)
    return digits
  }

  /// 18 characters of GB 32100: a registration `kind` such as 91, a home district by `choice`, and
  /// an organisation code of GB 11714 that begins with MA, as those given since 2015 do.
  func organisationCode(_ ordinal: Int, kind: Int, choice: UInt64) -> InlineArray<18, UInt8> {
    var code = InlineArray<18, UInt8>(repeating: 0)
    SampleNumbers.write(kind, digits: 2, to: &code, at: 0)
    SampleNumbers.write(
      homePlaces[Int(choice & 0xFFFF) % homePlaces.count], digits: 4, to: &code, at: 2)
    SampleNumbers.write(
      Int(choice >> 16 & 0xFFFF) % SampleNumbers.districtCount + 1, digits: 2, to: &code, at: 6)
    code[8] = 0x4D
    code[9] = 0x41
    var rest = organisations[ordinal]
    for index in stride(from: 15, through: 10, by: -1) {
      code[index] = OrganisationCode.characters[rest % 31]
      rest /= 31
    }
    code[16] = OrganisationCode.subjectCheckCharacter(of: code.span.extracting(8..<16))
    code[17] = OrganisationCode.checkCharacter(of: code.span)
    return code
  }

  /// Appends H or M and eight digits.
  func appendHKMacaoPermit(_ ordinal: Int, to row: inout OutputSpan<UInt8>) {
    let number = hkMacaoPermits[ordinal]
    row.append(number >= 100_000_000 ? 0x4D : 0x48)
    SampleNumbers.append(number % 100_000_000, digits: 8, to: &row)
  }

  /// Appends eight digits.
  func appendTaiwanPermit(_ ordinal: Int, to row: inout OutputSpan<UInt8>) {
    SampleNumbers.append(taiwanPermits[ordinal], digits: 8, to: &row)
  }

  /// Appends nine digits, mostly after a country.
  func appendPassport(_ ordinal: Int, choice: UInt64, to row: inout OutputSpan<UInt8>) {
    let country = Int(choice & 0xFF) % (SampleNumbers.countries.count + 2)
    if country < SampleNumbers.countries.count {
      for byte in SampleNumbers.countries[country] { row.append(byte) }
      row.append(0x3A)
    }
    SampleNumbers.append(passports[ordinal], digits: 9, to: &row)
  }

  /// Appends the last `digits`, at most 12, of `number`.
  static func append(_ number: Int, digits: Int, to row: inout OutputSpan<UInt8>) {
    var text = InlineArray<12, UInt8>(repeating: 0x30)
    var rest = UInt64(number)
    var index = digits
    while index > 0 {
      index -= 1
      text[index] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
    for index in 0..<digits { row.append(text[index]) }
  }

  private static func write(
    _ number: Int, digits: Int, to text: inout InlineArray<18, UInt8>, at start: Int
  ) {
    var rest = UInt32(truncatingIfNeeded: number)
    var index = start + digits
    while index > start {
      index -= 1
      text[index] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
  }

  private static func dates(_ years: ClosedRange<Int>) -> [Int] {
    var dates: [Int] = []
    for year in years {
      for month in 1...12 {
        for day in 1...31 where isDate(year, month, day) {
          dates.append(year * 10_000 + month * 100 + day)
        }
      }
    }
    return dates
  }

  private static func isDate(_ year: Int, _ month: Int, _ day: Int) -> Bool {
    switch month {
    case 2: day <= (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28)
    case 4, 6, 9, 11: day <= 30
    default: true
    }
  }
}

/// A one-to-one map of 0..<count onto itself that looks unordered: a·x + b modulo count, with a
/// and count without common factor.
struct Permutation {
  private let count: UInt64
  private let factor: UInt64
  private let offset: UInt64

  /// `count` is below 2³⁶ and ordinals below 2²⁹, so that no product needs more than 64 bits.
  init(count: Int, _ random: inout SampleRandom) {
    self.count = UInt64(count)
    precondition(self.count < 1 << 36, "a permutation of fewer than 2^36")
    var factor = random.next() % (1 << 34) % self.count | 1
    while Permutation.commonFactor(factor, self.count) != 1 { factor += 2 }
    self.factor = factor
    offset = random.next() % self.count
  }

  subscript(ordinal: Int) -> Int {
    Int((UInt64(ordinal) * factor + offset) % count)
  }

  private static func commonFactor(_ left: UInt64, _ right: UInt64) -> UInt64 {
    var (left, right) = (left, right)
    while right != 0 { (left, right) = (right, left % right) }
    return left
  }
}

/// SplitMix64: the same numbers for the same seed on every machine.
struct SampleRandom {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return SampleRandom.mix(state)
  }

  /// A number for `index` that is unrelated to its neighbours'.
  static func mix(_ index: UInt64) -> UInt64 {
    var mixed = index
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
