import Codes
import Testing

@testable import IssuerCore

@Suite struct SampleRecordsTests {
  private static let asOf = CityTime(rfc3339: "2020-03-01T00:00:00+08:00") ?? CityTime(seconds: 0)

  private func world(seed: UInt64 = 1, people: Int = 20_000) throws -> SampleRecords.World {
    let region = try #require(Region(310_000))
    return SampleRecords.World(people: people, seed: seed, region: region, asOf: Self.asOf)
  }

  private func sample(
    _ name: String, of records: Int, _ world: SampleRecords.World
  ) throws -> SampleRecords {
    let source = try #require(SampleSource.all.first { $0.name == name })
    return SampleRecords(source, of: records, in: world)
  }

  /// All rows of a source, each with what is wrong with it.
  private func rows(_ sample: SampleRecords) -> [(text: String, dirt: SampleDirt?)] {
    var scratch = SampleRecords.Scratch()
    return (0..<sample.rowCount).map { row in
      var bytes: [UInt8] = []
      let dirt = sample.append(row, to: &bytes, &scratch)
      return (String(decoding: bytes, as: UTF8.self), dirt)
    }
  }

  private func fields(_ row: String, _ source: SampleSource) -> [Substring] {
    let mark = Character(UnicodeScalar(source.delimiter))
    return row.dropLast(1).split(separator: mark, omittingEmptySubsequences: false)
  }

  /// The people's numbers, with those who are registered under both name and phone.
  private func people(_ count: Int) throws -> [Substring: [Substring]] {
    let region = try #require(Region(310_000))
    var sample = SamplePopulation(people: count, seed: 1, region: region)
    var file: [UInt8] = []
    while sample.appendRows(into: &file, upTo: 1 << 20) {}
    var people: [Substring: [Substring]] = [:]
    for line in String(decoding: file, as: UTF8.self).split(separator: "\n").dropFirst() {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false)
      people[fields[1]] = fields
    }
    return people
  }

  @Test("the same numbers give the same rows, in any order; another seed gives others")
  func determinism() throws {
    for source in SampleSource.all {
      let one = rows(SampleRecords(source, of: 10_000, in: try world()))
      let two = SampleRecords(source, of: 10_000, in: try world())
      var scratch = SampleRecords.Scratch()
      for row in one.indices.reversed() {
        var bytes: [UInt8] = []
        _ = two.append(row, to: &bytes, &scratch)
        #expect(String(decoding: bytes, as: UTF8.self) == one[row].text)
      }
      let other = rows(SampleRecords(source, of: 10_000, in: try world(seed: 2)))
      #expect(one.map(\.text) != other.map(\.text))
    }
  }

  @Test("the sources' rows add up to what was asked for", arguments: [1, 7, 99, 100, 123_456])
  func counts(records: Int) throws {
    let world = try world()
    let all = SampleSource.all.map { SampleRecords($0, of: records, in: world) }
    #expect(all.reduce(0) { $0 + $1.rowCount } == records)
    for sample in all {
      let files = (0..<sample.fileCount).map { sample.rows(ofFile: $0) }
      #expect(files.reduce(0) { $0 + $1.count } == sample.rowCount)
      #expect(files.allSatisfy { !$0.isEmpty })
    }
    #expect(SampleSource.all.reduce(0) { $0 + $1.percent } == 100)
  }

  @Test("each kind of dirt has about its share")
  func shares() throws {
    let sample = try sample("nucleic-acid-tests", of: 400_000, world())
    var counts: [SampleDirt: Int] = [:]
    for row in rows(sample) {
      if let dirt = row.dirt { counts[dirt, default: 0] += 1 }
    }
    for dirt in SampleDirt.allCases {
      let expected = Double(sample.rowCount) * Double(dirt.share) / 10_000
      let deviation = abs(Double(counts[dirt] ?? 0) - expected)
      #expect(deviation < 5 * expected.squareRoot() + 5, "\(dirt): \(counts[dirt] ?? 0)")
    }
  }

  @Test("rows with nothing wrong name registered people, rightly, at a time before as-of")
  func clean() throws {
    let people = try people(20_000)
    let sample = try sample("nucleic-acid-tests", of: 50_000, world())
    for row in rows(sample) where row.dirt == nil {
      let fields = fields(row.text, sample.source)
      try #require(fields.count == 7)
      let number = fields[1].last == "x" ? fields[1].dropLast() + "X" : fields[1]
      let person = try #require(people[number])
      #expect(fields[0] == person[0])
      #expect(fields[2].filter { !$0.isWhitespace } == person[3].filter { !$0.isWhitespace })
      #expect(fields[3].filter { $0 != " " && $0 != "-" }.suffix(11) == person[4])
      #expect(("2020-01-06"..<"2020-03-01").contains(fields[4]), "\(fields[4])")
      #expect(["negative", "阴性", "positive", "阳性", "inconclusive", "可疑"].contains(fields[6]))
    }
  }

  @Test("what is wrong with a row is what it is said to be")
  func dirt() throws {
    let people = try people(20_000)
    let sample = try sample("nucleic-acid-tests", of: 200_000, world())
    var earlier: Set<String> = []
    var seen: Set<SampleDirt> = []
    for row in rows(sample) {
      defer { earlier.insert(row.text) }
      guard let dirt = row.dirt else { continue }
      seen.insert(dirt)
      let fields = fields(row.text, sample.source)
      guard dirt != .cutShort else {
        #expect(fields.count < 7 && !fields.isEmpty && row.text.utf8.count > 1)
        continue
      }
      guard dirt != .repeated, dirt != .repeatedAcross else {
        #expect(earlier.contains(row.text))
        continue
      }
      try #require(fields.count == 7, "\(dirt) \(row.text)")
      let number = fields[1]
      let type = DocumentType(name: fields[0])
      let document = type.flatMap { try? Document(type: $0, text: number) }
      let isHolder = document.map { people[Substring($0.number)] != nil } ?? false
      switch dirt {
      case .documentMissing: #expect(number.isEmpty)
      case .fifteenDigits: #expect(number.utf8.count == 15)
      case .wrongCheckDigit:
        #expect(throws: DocumentFault.badCheckDigit) {
          try Document(type: .residentID, text: number)
        }
      case .fullWidth: #expect(number.unicodeScalars.allSatisfy { $0.value >= 0xFF01 })
      case .blanks: #expect(number.contains { $0.isWhitespace })
      case .nameSwapped: #expect(!number.isEmpty && !number.contains { $0.isNumber })
      case .phoneSwapped: #expect(number.count == 11 && number.first == "1")
      case .unknownType: #expect(type == nil)
      case .unregistered: #expect(document != nil && !isHolder)
      case .secondTimeForm: #expect(isHolder && fields[4].contains("/"))
      case .thirdTimeForm: #expect(isHolder && CityTime(rfc3339: fields[4]) != nil)
      case .impossibleTime: #expect(isHolder && fields[4].prefix(7) != "2020-01")
      case .future: #expect(fields[4] >= "2020-03-02")
      case .unknownOutcome: #expect(fields[6] == "??")
      case .contradicting: #expect(isHolder || document == nil || !number.isEmpty)
      case .cutShort, .repeated, .repeatedAcross: break
      }
    }
    #expect(seen == Set(SampleDirt.allCases))
  }

  @Test("a contradiction tells of an earlier row's person and time, with another result")
  func contradictions() throws {
    let sample = try sample("fever-clinics", of: 1_000_000, world())
    var byStart: [String: Set<Substring>] = [:]
    var found = 0
    var count = 0
    for row in rows(sample) {
      let fields = fields(row.text, sample.source)
      guard fields.count >= 6 else { continue }
      let start = "\(fields[1]) \(fields[4])"
      if row.dirt == .contradicting {
        count += 1
        if let results = byStart[start], !results.contains(fields[5]) { found += 1 }
      }
      byStart[start, default: []].insert(fields[5])
    }
    #expect(count > 50)
    // The rest contradict rows with a document or time that was spoilt.
    #expect(found * 10 > count * 7, "\(found) of \(count)")
  }

  @Test("every time form is written as its pattern says")
  func times() {
    let forms: [(SampleTimeForm, String)] = [
      (.seconds, "2020-02-29 23:59:07"), (.slashMinutes, "2020/02/29 23:59"),
      (.minutes, "2020-02-29 23:59"), (.compactMinutes, "202002292359"),
      (.rfc3339, "2020-02-29T23:59:07+08:00"), (.date, "2020-02-29"),
      (.slashDate, "2020/02/29"), (.compactDate, "20200229"), (.chineseDate, "2020年02月29日"),
      (.unixSeconds, "1582991947"), (.unixMilliseconds, "1582991947000"),
    ]
    for (form, text) in forms {
      var row: [UInt8] = []
      form.append(1_582_991_947, secondsEast: 28_800, to: &row)
      #expect(String(decoding: row, as: UTF8.self) == text)
    }
    var row: [UInt8] = []
    SampleTimeForm.rfc3339.append(1_582_991_947, secondsEast: 0, to: &row)
    #expect(String(decoding: row, as: UTF8.self) == "2020-02-29T15:59:07Z")
  }

  @Test("how fast rows are written is printed: 100 MB/s is the aim of a release build")
  func speed() throws {
    let world = try world(people: 1_000_000)
    var scratch = SampleRecords.Scratch()
    for source in SampleSource.all {
      let sample = SampleRecords(source, of: 10_000_000, in: world)
      var bytes: [UInt8] = []
      let seconds = ContinuousClock().measure {
        for row in 0..<20_000 { _ = sample.append(row, to: &bytes, &scratch) }
      }
      let rate = Double(bytes.count) / (seconds / .seconds(1)) / 1e6
      print("\(source.name): \(Int(rate)) MB/s")
      #expect(bytes.count > 20_000 * 40)
    }
  }
}
