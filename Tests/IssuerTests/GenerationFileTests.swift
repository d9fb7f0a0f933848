import Codes
import Security
import Server
import StatusCache
import Support
import Testing

@testable import issuer

@Suite struct GenerationFileTests {
  private let directory: TemporaryDirectory
  private let path: String
  private let key = Office.key
  private let base = GenerationBase(region: Office.region, position: 77, nextSerial: 2_600)

  init() throws {
    directory = try TemporaryDirectory(quick: true)
    path = "\(directory.path)/generations"
  }

  private static func status(_ serial: UInt64) -> Status {
    Office.computed(serial % 7 == 0 ? .red : .green, reason: UInt8(serial % 200))
  }

  private var pages: [UInt8] {
    Office.pages(0..<base.pageCount, of: base, Self.status)
  }

  @discardableResult
  private func write() throws -> GenerationManifest {
    let writer = try GenerationWriter(directory: path, base: base)
    try writer.write(pages.span, firstPage: 0)
    return try writer.finish(Office.facts(), signedBy: key)
  }

  private func readWhole(_ number: UInt32) throws -> [UInt8] {
    var reader = try GenerationDirectory(path).pages(number, key: key.verifyingKey)
    var all: [UInt8] = []
    var some: [UInt8] = []
    while !reader.isAtEnd {
      try reader.read(2, into: &some)
      all += some
    }
    try reader.finish()
    return all
  }

  @Test("a generation is read as it was written, with what the manifest says of it")
  func roundTrip() throws {
    let made = try write()
    #expect(try GenerationDirectory(path).numbers() == [1])
    let read = try GenerationDirectory(path).manifest(1, key: key.verifyingKey)
    #expect(read == made)
    #expect(read.facts == Office.facts())
    #expect(read.counts == [0, 2_599 - 371, 0, 371])
    #expect(try readWhole(1) == pages)
    #expect(try write().number == 2)
    #expect(try GenerationDirectory(path).numbers() == [1, 2])
  }

  @Test("pages may come in any order; one that is missing or foreign is an error")
  func orders() throws {
    let whole = try write()
    let writer = try GenerationWriter(directory: path, base: base)
    let bytes = pages
    for number in [3, 0, 5, 1, 4] {
      let page = bytes[number * 4_080..<(number + 1) * 4_080]
      try writer.write(Array(page).span, firstPage: number)
    }
    #expect(throws: GenerationWriter.Fault.self) {
      try writer.finish(Office.facts(), signedBy: key)
    }
    #expect(throws: GenerationWriter.Fault.self) {
      try writer.write(Array(bytes[0..<4_080]).span, firstPage: base.pageCount)
    }
    try writer.write(Array(bytes[2 * 4_080..<3 * 4_080]).span, firstPage: 2)
    let made = try writer.finish(Office.facts(), signedBy: key)
    #expect(made.pagesDigest == whole.pagesDigest)
    #expect(made.counts == whole.counts)
  }

  @Test("nothing is left of a writer that was given up, nor of one that was killed")
  func leftovers() throws {
    do {
      let writer = try GenerationWriter(directory: path, base: base)
      try writer.write(pages.span, firstPage: 0)
    }
    #expect(try System.names(in: path) == [])
    // As a killed process leaves it: unlocked.
    try System.makeDirectory("\(path)/.building-0011")
    try System.replaceFile("\(path)/.building-0011/pages", with: [1], mode: 0o640)
    let living = try GenerationWriter(directory: path, base: base)
    #expect(try System.names(in: path).filter { $0 == ".building-0011" } == [])
    // One that lives is left alone.
    let other = try GenerationWriter(directory: path, base: base)
    #expect(try System.names(in: path).count == 2)
    for writer in [other, living] { try writer.write(pages.span, firstPage: 0) }
    #expect(try other.finish(Office.facts(), signedBy: key).number == 1)
    #expect(try living.finish(Office.facts(), signedBy: key).number == 2)
    #expect(try System.names(in: path) == ["1", "2"])
  }

  @Test("four shards in any order make the same bytes as one computation", arguments: [2, 4, 6])
  func shards(count: Int) throws {
    let whole = try write()
    var names: [String] = []
    for index in 1...count {
      let shard = try #require(GenerationShard("\(index)/\(count)"))
      let range = shard.pages(of: base)
      let out = "\(directory.path)/out\(index)"
      let writer = try GenerationWriter(directory: out, shard: shard, base: base)
      let part = Office.pages(range, of: base, Self.status)
      if !range.isEmpty { try writer.write(part.span, firstPage: range.lowerBound) }
      let manifest = try writer.finish(Office.facts(), signedBy: key)
      #expect(manifest.number == 0)
      names.insert("\(out)/shard.\(index)-of-\(count)", at: Int.random(in: 0...names.count))
    }
    let made = try GenerationAssembly(shardDirectories: names).run(into: path, signedBy: key)
    #expect(made.number == 2)
    #expect(made.pagesDigest == whole.pagesDigest)
    #expect(try readWhole(2) == pages)
    #expect(made.facts.sources[0].rows == 100 * count)
    #expect(throws: GenerationAssembly.Misfit.self) {
      try GenerationAssembly(shardDirectories: Array(names.dropLast()))
        .run(into: path, signedBy: key)
    }
    #expect(throws: GenerationAssembly.Misfit.self) {
      try GenerationAssembly(shardDirectories: names.dropLast() + [names[0]])
        .run(into: path, signedBy: key)
    }
    #expect(try GenerationDirectory(path).numbers() == [1, 2])
  }

  @Test("P-05: one flipped bit in 1,000 copies of a generation is found in every one")
  func bitRot() throws {
    try write()
    let pagesFile = "\(path)/1/pages"
    let manifestFile = "\(path)/1/manifest.json"
    let good = (try System.readFile(pagesFile), try System.readFile(manifestFile))
    var random = SplitMix(seed: 5)
    var found = 0
    for round in 0..<1_000 {
      var bytes = round % 4 == 0 ? good.1 : good.0
      let bit = Int(random.next() % UInt64(bytes.count * 8))
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      let file = round % 4 == 0 ? manifestFile : pagesFile
      try System.replaceFile(file, with: bytes, mode: 0o640)
      do { _ = try readWhole(1) } catch is GenerationDirectory.Damaged { found += 1 }
      try System.replaceFile(file, with: round % 4 == 0 ? good.1 : good.0, mode: 0o640)
    }
    print("P-05: \(found) of 1,000 flipped bits of a generation found")
    #expect(found == 1_000)
    #expect(try readWhole(1) == pages)
  }

  @Test("a file that was cut, and a manifest of another sealer, are refused by name")
  func cut() throws {
    try write()
    let pagesFile = "\(path)/1/pages"
    try System.replaceFile(pagesFile, with: Array(pages.dropLast(4_080)), mode: 0o640)
    let cut = #expect(throws: GenerationDirectory.Damaged.self) { try readWhole(1) }
    #expect(cut?.path == pagesFile)
    try System.replaceFile(pagesFile, with: pages, mode: 0o640)
    let other = try SigningKey.generate().verifyingKey
    let foreign = #expect(throws: GenerationDirectory.Damaged.self) {
      try GenerationDirectory(path).pages(1, key: other)
    }
    #expect(foreign?.description.contains("another sealer_key_file") == true)
  }

  @Test("shards are equal parts in order, and only those can be named")
  func shardNames() {
    for text in ["0/4", "5/4", "4", "1/0", "a/b", "1/2/3", "-1/2", "1/1001"] {
      #expect(GenerationShard(text) == nil, "\(text)")
    }
    let parts = (1...7).map { GenerationShard("\($0)/7")!.pages(of: base) }
    #expect(parts.first?.lowerBound == 0 && parts.last?.upperBound == base.pageCount)
    for (left, right) in zip(parts, parts.dropFirst()) {
      #expect(left.upperBound == right.lowerBound)
    }
  }

  @Test("orders are given once, by whoever may write the data, and old ones are not carried out")
  func mailbox() throws {
    let mailbox = GenerationMailbox(GenerationDirectory(path))
    let name = try mailbox.leave(.activate(7, acceptRejects: true))
    #expect(try mailbox.waiting() == [name])
    #expect(try mailbox.takeAnswer(name) == nil)
    #expect(try mailbox.take(name))
    let text = try mailbox.text(ofTaken: name)
    #expect(GenerationOrder(text: text) == .activate(7, acceptRejects: true))
    #expect(try mailbox.take(name) == false)
    #expect(try mailbox.takeBack(name) == false)
    let answer = GenerationAnswer(isDone: true, text: "\"done\"")
    try mailbox.answer(name, answer)
    #expect(try mailbox.takeAnswer(name) == answer)
    #expect(try System.names(in: path) == [])

    let waiting = try mailbox.leave(.rollBack)
    let taken = try mailbox.leave(.activate(1, acceptRejects: false))
    _ = try mailbox.take(taken)
    try mailbox.begin()
    for name in [waiting, taken] {
      #expect(try mailbox.takeAnswer(name)?.isDone == false)
    }
    #expect(try mailbox.waiting() == [])
    for text in [
      "", "activate", "activate 0", "activate x", "activate 1 now", "rollback 3", "drop",
    ] {
      #expect(GenerationOrder(text: text) == nil, "\(text)")
    }
  }
}
