import Codes
import Foundation
import IssuerCore
import Records
import StatusCache
import Support
import Testing

@testable import issuer

@Suite struct EngineTests {
  static let people = 1_500

  /// Rows of a few people, some bad, some repeated; no two orders of one seed differ in content.
  private static func rows(_ count: Int, _ random: inout SplitMix) -> [String] {
    let numbers = ComputeWorld.numbers(people + 50)
    var rows: [String] = []
    for _ in 0..<count {
      if random.once(in: 20), let row = rows.last {
        rows.append(row)
        continue
      }
      let number = random.once(in: 50) ? "310101x" : random.pick(numbers)
      let result = random.pick(["negative", "positive", "", "阴性"])
      let day = 10 + random.below(19)
      let note = random.once(in: 10) ? "\"a\nb,\"" : "张"
      rows.append("resident_id,\(number),\(note),,\(result),2020-02-\(day) 08:00:00,310115")
    }
    return rows
  }

  private static func file(_ rows: some Collection<String>) -> String {
    ComputeWorld.header + rows.joined(separator: "\n") + "\n"
  }

  private func pages(_ world: ComputeWorld, _ name: String) throws -> [UInt8] {
    try world.read("\(name)/1/pages")
  }

  private func sums(_ result: ComputeEngine.Result) -> [Int] {
    let source = result.manifest.facts.sources[0]
    return [source.rows, source.used, source.duplicates, source.rejected]
  }

  @Test("the pages hold for every holder what the rules say of their rows")
  func decides() throws {
    let numbers = ComputeWorld.numbers(600)
    let world = try ComputeWorld(ComputeWorld.residents(600))
    var text = ComputeWorld.header
    for (index, number) in numbers.enumerated() where index % 3 == 1 {
      text += "resident_id,\(number),,,positive,2020-02-10 08:00:00,\n"
    }
    for (index, number) in numbers.enumerated() where index % 3 == 2 {
      text += "resident_id,\(number),,,positive,2020-02-10 08:00:00,\n"
      text += "resident_id,\(number),,,negative,2020-02-11 08:00:00,\n"
    }
    try world.write(text, to: "tests/1.csv")
    let result = try world.run()
    #expect(sums(result) == [600, 600, 0, 0])
    let pages = try pages(world, "out")
    #expect(pages.count == 2 * StatusPage.byteCount)
    for serial in 0..<2 * StatusPage.statusCount {
      let start = serial / StatusPage.statusCount * StatusPage.byteCount
      let page = pages.span.extracting(start..<start + StatusPage.byteCount)
      let isIntact = StatusPage.isIntact(page) && StatusPage.version(page) == 7
      #expect(isIntact)
      let status = StatusPage.status(page, slot: serial % StatusPage.statusCount)
      guard 1...600 ~= serial else {
        #expect(status == .absent)
        continue
      }
      #expect(status.colour == [.green, .red, .yellow][(serial - 1) % 3], "\(serial)")
      #expect(status.reason == UInt8((serial - 1) % 3))
    }
  }

  @Test("order of rows and files, ranges, threads and memory do not change the pages or counts")
  func order() throws {
    var random = SplitMix(of: "EngineTests.order")
    let world = try ComputeWorld(ComputeWorld.residents(Self.people))
    var rows = Self.rows(4_000, &random)
    try world.write(Self.file(rows), to: "tests/1.csv")
    let first = try world.run(into: "a") { $0.rangeBytes = 5_000 }
    let expected = try pages(world, "a")
    #expect(sums(first)[3] > 0 && sums(first)[2] > 0)
    for round in 0..<4 {
      rows.shuffle(using: &random)
      let cut = random.below(rows.count)
      try world.write(Self.file(rows[..<cut]), to: "tests/1.csv")
      try world.write(Self.file(rows[cut...]), to: "tests/2.csv")
      let threads = 1 + random.below(3)
      let result = try world.run(into: "b\(round)") {
        $0.rangeBytes = 700 + 3_000 * round
        $0.threads = threads
        if round % 2 == 1 { $0.recordBytesMax = 8_192 }
      }
      #expect(try pages(world, "b\(round)") == expected)
      #expect(sums(result) == sums(first))
      #expect((result.spilledBytes > 0) == (round % 2 == 1))
      let lines = try world.text("rejects.csv").split(separator: "\n")
      #expect(lines.count { $0.hasPrefix("tests,") } == sums(result)[3])
    }
  }

  @Test("four shards assembled are byte for byte what one run makes")
  func shards() throws {
    var random = SplitMix(of: "EngineTests.shards")
    let world = try ComputeWorld(ComputeWorld.residents(Self.people + 1_000))
    try world.write(Self.file(Self.rows(3_000, &random)), to: "tests/1.csv")
    let whole = try world.run(into: "whole")
    var directories: [String] = []
    for index in 1...4 {
      let shard = try #require(GenerationShard("\(index)/4"))
      let directory = "\(world.directory.path)/shard\(index)"
      _ = try world.engine {
        $0.shard = shard
        $0.rejectsPath = "\(directory).csv"
      }.run(into: directory, signedBy: world.key)
      directories.append("\(directory)/shard.\(index)-of-4")
    }
    let manifest = try GenerationAssembly(shardDirectories: directories.reversed())
      .run(into: "\(world.directory.path)/joined", signedBy: world.key)
    #expect(try pages(world, "joined") == pages(world, "whole"))
    #expect(manifest.pagesDigest == whole.manifest.pagesDigest)
    #expect(manifest.facts.sources == whole.manifest.facts.sources)
    #expect(manifest.counts == whole.manifest.counts)
    let rejects = try (1...4).flatMap {
      try world.text("shard\($0).csv").split(separator: "\n").dropFirst()
    }
    let ofWhole = try world.text("rejects.csv").split(separator: "\n").dropFirst()
    #expect(rejects.sorted() == ofWhole.sorted())
  }

  @Test("a file that changes while it is read, a full disk, a wrong header: errors that name them")
  func failures() throws {
    let world = try ComputeWorld(ComputeWorld.residents(10))
    let row = "resident_id,\(ComputeWorld.numbers(1)[0]),,,negative,2020-02-10 08:00:00,\n"
    try world.write(ComputeWorld.header + row, to: "tests/1.csv")
    let engine = try world.engine()
    let units = try SourceUnits(engine.plan, whole: [])
    let log = try RejectLog(units, engine.plan, .whole, path: nil)
    try world.write(ComputeWorld.header + row + row, to: "tests/1.csv")
    let reading = SourceReading(engine.plan, units, log, ComputeProgress(quiet: true))
    let index = try DocumentIndex.build(world.registry, nextSerial: 11, threads: 2)
    let registered = RecordMatcher.Registered(
      secret: world.secret, index: index, registry: world.registry, serials: 1..<2, nextSerial: 11)
    let changed = #expect(throws: ComputeError.self) {
      try reading.run(threads: 2) { try RecordMatcher(registered, nil) }
    }
    #expect(changed?.description.contains("tests/1.csv was changed") == true)

    let bad = row.replacing("negative", with: "perhaps")
    try world.write(
      ComputeWorld.header + String(repeating: bad, count: 2_000), to: "tests/1.csv")
    let full = #expect(throws: (any Error).self) {
      try world.run { $0.rejectsPath = "/dev/full" }
    }
    #expect(full.map { Faults.text($0) }?.contains("/dev/full: No space left on device") == true)

    try world.write("a,b\n1,2\n", to: "tests/2.csv")
    let header = #expect(throws: ComputeError.self) { try world.run() }
    #expect(header?.description.contains("tests/2.csv: there is no column") == true)
    let left = try FileManager.default.contentsOfDirectory(
      atPath: "\(world.directory.path)/out")
    #expect(left.isEmpty, "an error left something")
    let little = #expect(throws: ComputeError.self) {
      try FileManager.default.removeItem(atPath: "\(world.directory.path)/tests/2.csv")
      _ = try world.run { $0.memory = 64 << 20 }
    }
    #expect(little?.description.contains("--memory is too little") == true)
  }

  @Test("GB 18030, gzip and zstd say the same as plain text; broken characters hurt their row only")
  func encodings() throws {
    let world = try ComputeWorld(ComputeWorld.residents(5))
    let numbers = ComputeWorld.numbers(2)
    // 身份证, 张三, 阴性 in GB 18030; in the second row the name is broken.
    let type: [UInt8] = [0xC9, 0xED, 0xB7, 0xDD, 0xD6, 0xA4]
    let negative: [UInt8] = [0xD2, 0xF5, 0xD0, 0xD4]
    var bytes = Array(ComputeWorld.header.utf8)
    for (number, name) in zip(numbers, [[0xD5, 0xC5, 0xC8, 0xFD], [0xD5, 0x20] as [UInt8]]) {
      bytes += type + Array(",\(number),".utf8) + name + Array(",,".utf8) + negative
      bytes += Array(",2020-02-10 08:00:00,\n".utf8)
    }
    try world.write(bytes, to: "tests/1.csv")
    let plan = ComputeWorld.plan.replacing(
      "    kind: test\n", with: "    kind: test\n    encoding: gb18030\n")
    let result = try world.run(plan: plan)
    #expect(sums(result) == [2, 2, 0, 0])
  }
}
