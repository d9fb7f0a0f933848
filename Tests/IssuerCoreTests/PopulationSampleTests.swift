import Codes
import Testing

@testable import IssuerCore

@Suite struct PopulationSampleTests {
  private static let shanghai = Region(unchecked: 310_000)

  /// The whole file, written in pieces of `byteCount`.
  private func file(
    people: Int, seed: UInt64 = 1, region: Region = shanghai, byteCount: Int = 65_536
  ) -> [UInt8] {
    var sample = SamplePopulation(people: people, seed: seed, region: region)
    var file: [UInt8] = []
    var isMore = true
    while isMore {
      let before = file.count
      isMore = sample.appendRows(into: &file, upTo: byteCount)
      #expect(file.count - before <= byteCount)
    }
    return file
  }

  private func lines(_ file: [UInt8]) -> [[Substring]] {
    String(decoding: file, as: UTF8.self).split(separator: "\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false)
    }
  }

  @Test("the same people, seed and region give the same bytes, however they are cut")
  func sameBytes() {
    let whole = file(people: 5_000)
    #expect(file(people: 5_000) == whole)
    #expect(file(people: 5_000, byteCount: 256) == whole)
    #expect(file(people: 5_000, byteCount: 1_000_000) == whole)
    #expect(file(people: 5_000, seed: 2) != whole)
    #expect(file(people: 5_000, region: Region(unchecked: 320_000)) != whole)
  }

  @Test("rows asked for by number are those of the whole file")
  func rowsByNumber() {
    let sample = SamplePopulation(people: 5_000, seed: 7, region: Self.shanghai)
    let whole = lines(file(people: 5_000, seed: 7))
    let indices = [4_999, 0, 250, 51, 3_777]
    #expect(lines(sample.rows(at: indices)) == [whole[0]] + indices.map { whole[$0 + 1] })
  }

  @Test("a smaller population is the beginning of a larger one")
  func prefix() {
    let small = file(people: 777)
    #expect(Array(file(people: 1_000).prefix(small.count)) == small)
  }

  @Test("the header names the columns in order, also when there is nobody")
  func header() {
    let text = String(decoding: file(people: 0), as: UTF8.self)
    #expect(
      text == "document_type,document_number,kind,name,phone,guardian_type,guardian_number\n")
  }

  @Test("kinds and documents have the promised shares")
  func mix() {
    let rows = lines(file(people: 10_000)).dropFirst()
    #expect(rows.count == 10_000)
    let counts = Dictionary(grouping: rows, by: { "\($0[0]) \($0[2])" }).mapValues(\.count)
    #expect(
      counts == [
        "resident_id resident": 8_400, "hk_macao_permit visitor": 300,
        "taiwan_permit visitor": 200, "passport visitor": 200, "uscc organisation": 400,
        "resident_id dependant": 500,
      ])
    let home = rows.count { $0[2] == "resident" && $0[1].hasPrefix("31") }
    #expect(home == 6_700)
  }

  @Test(
    "every document is valid, in canonical form, and no two are the same",
    arguments: [110_000, 310_000, 320_000, 440_300, 999_999] as [UInt32])
  func validAndDistinct(region: UInt32) throws {
    let rows = lines(file(people: 60_000, region: Region(unchecked: region))).dropFirst()
    var seen: Set<Substring> = []
    for row in rows {
      #expect(row.count == 7)
      let type = try #require(DocumentType(name: row[0]))
      // A region whose two digits are no province gives its people numbers that no check accepts.
      if region != 999_999 {
        let document = try Document(type: type, text: row[1])
        #expect(document.number == row[1])
      }
      #expect(seen.insert(row[1]).inserted)
    }
    #expect(seen.count == 60_000)
  }

  @Test("a permutation is one to one over its whole range")
  func permutation() {
    var random = SampleRandom(seed: 4)
    for count in [1, 2, 3, 10, 97, 1_000, 65_536, 99_999] {
      let permutation = Permutation(count: count, &random)
      #expect(Set((0..<count).map { permutation[$0] }) == Set(0..<count))
    }
  }

  @Test("numbers stay distinct at the far end of the largest population")
  func farEnd() {
    var random = SampleRandom(seed: 5)
    let numbers = SampleNumbers(region: PopulationSampleTests.shanghai, random: &random)
    let ordinals = Array(0..<5_000) + Array(334_995_000..<335_000_000)
    let home = ordinals.map { text(numbers.residentID($0, .adult, isHome: true)) }
    #expect(Set(home).count == 10_000)
    let organisations = (19_990_000..<20_000_000).map {
      text(numbers.organisationCode($0, kind: 91, choice: 0))
    }
    #expect(Set(organisations).count == 10_000)
  }

  private func text(_ number: InlineArray<18, UInt8>) -> String {
    String(decoding: number.indices.map { number[$0] }, as: UTF8.self)
  }

  @Test("only dependants have a guardian, who is an adult resident of an earlier row")
  func guardians() {
    var residents: Set<Substring> = []
    for row in lines(file(people: 20_000)).dropFirst() {
      if row[2] == "resident" { residents.insert(row[1]) }
      if row[2] == "dependant" {
        #expect(row[5] == "resident_id")
        #expect(residents.contains(row[6]))
        #expect(row[1].dropFirst(6).prefix(4) >= "2008")
        #expect(row[6].dropFirst(6).prefix(4) <= "2004")
      } else {
        #expect(row[5].isEmpty && row[6].isEmpty)
      }
    }
  }

  @Test("names are of the right script and many, phones have eleven digits")
  func namesAndPhones() {
    let rows = lines(file(people: 10_000)).dropFirst()
    for row in rows {
      let isForeign = row[0] == "passport"
      #expect(row[3].unicodeScalars.allSatisfy { ($0.value >= 0x4E00) != isForeign })
      #expect(row[4].utf8.count == 11)
      #expect(row[4] >= "13000000000" && row[4] <= "19999999999")
      #expect(row[4].utf8.allSatisfy { 0x30...0x39 ~= $0 })
    }
    #expect(Set(rows.map { $0[3] }).count > 5_000)
    #expect(Set(rows.map { $0[4] }).count > 9_990)
  }

  @Test("the reader takes every row")
  func readable() throws {
    var reader = PopulationReader()
    let bytes = file(people: 20_000)
    var kinds: [HolderKind: Int] = [:]
    try reader.receive(
      bytes.span, onRow: { kinds[$0.kind, default: 0] += 1 }, onReject: { _, _, _ in })
    try reader.finish(onRow: { _ in }, onReject: { _, _, _ in })
    #expect(reader.rowCount == 20_000)
    #expect(reader.rejectCount == 0)
    #expect(kinds == [.resident: 16_800, .visitor: 1_400, .organisation: 800, .dependant: 1_000])
  }
}

extension Region {
  fileprivate init(unchecked number: UInt32) {
    guard let region = Region(number) else { preconditionFailure("six digits") }
    self = region
  }
}
