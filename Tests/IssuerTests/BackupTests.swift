import Codes
import Foundation
import IssuerCore
import Security
import StatusCache
import Support
import Testing

@testable import issuer

@Suite struct BackupTests {
  @Test(
    "P-09: a backup under load, restored and replayed, has the statuses of its position",
    .timeLimit(.minutes(2)))
  func underLoad() async throws {
    let office = try Office()
    let world = BackupWorld()
    try await office.register(600)
    let ledger = office.ledger!
    async let writing: Void = world.write(to: ledger)
    var manifests: [(String, BackupManifest)] = []
    // Until changes were committed between the first and the last piece of four of them.
    for number in 1...100 where manifests.count < 4 {
      let before = world.changeCount
      while world.changeCount < before + 50 { try await Task.sleep(for: .milliseconds(2)) }
      let manifest = try office.backup("backup-\(number)", pieceBytes: 500)
      guard try office.store.registry.state().lastPosition > manifest.state.lastPosition else {
        continue
      }
      manifests.append(("backup-\(number)", manifest))
    }
    world.end()
    try await writing
    #expect(manifests.count == 4)
    for (name, manifest) in manifests {
      let place = try TemporaryDirectory(quick: true)
      let restored = try Office.restore(into: place).run(from: office.path(name))
      #expect(restored == manifest)
      let branch = try Office(in: place)
      #expect(try branch.store.cache.digest() == world.digest(at: manifest.state))
      #expect(try branch.store.cache.scrub(first: 0, count: .max).isEmpty)
      // And life goes on there.
      let new = try await branch.register(3)
      #expect(new.map(\.value) == (0..<3).map { manifest.state.nextSerial + $0 })
      try await branch.set(1, .red, reason: 77)
      #expect(try branch.status(1)?.reason == 77)
    }
  }

  @Test("a repeated write is known by its idempotency key after a restore, if it is in the backup")
  func idempotency() async throws {
    let office = try Office()
    try await office.register(2)
    let first = try await office.submit(.killCodes(Serial(1)!, reason: nil), key: 1)
    let manifest = try office.backup()
    _ = try await office.submit(.killCodes(Serial(1)!, reason: nil), key: 2)
    let place = try TemporaryDirectory(quick: true)
    _ = try Office.restore(into: place).run(from: office.path("backup"))
    let branch = try Office(in: place)
    #expect(try await branch.submit(.killCodes(Serial(1)!, reason: nil), key: 1) == first)
    #expect(try branch.store.registry.state().lastPosition == manifest.state.lastPosition)
    _ = try await branch.submit(.killCodes(Serial(1)!, reason: nil), key: 2)
    #expect(try branch.status(1)?.revision == 2)
  }

  @Test("a backup has the generation in force and the one a rollback goes to, and no other")
  func generations() async throws {
    let office = try Office(kept: 10)
    try await office.register(700)
    for (number, colour) in [Colour.red, .yellow, .red, .green].enumerated() {
      try office.compute { _ in Office.computed(colour, reason: UInt8(number + 1)) }
    }
    for number in UInt32(1)...3 {
      _ = try office.control.activate(number, acceptRejects: false)
    }
    try await office.set(5, .green, reason: 9)
    let manifest = try office.backup()
    #expect(manifest.inForce == 3)
    let live = try office.statuses()

    let place = try TemporaryDirectory(quick: true)
    _ = try Office.restore(into: place).run(from: office.path("backup"))
    let branch = try Office(in: place)
    #expect(try branch.statuses() == live)
    #expect(try branch.store.generations.numbers() == [2, 3])
    _ = try branch.control.rollBack()
    #expect(try branch.status(20)?.colour == .yellow)
    #expect(try branch.status(5)?.reason == 9)
  }

  @Test("serials behind the backup are skipped, and generations are computed and activated again")
  func skippedSerials() async throws {
    let office = try Office()
    try await office.register(10)
    _ = try office.backup()
    let lost = try await office.register(5).map(\.value)
    let place = try TemporaryDirectory(quick: true)
    _ = try Office.restore(into: place, skipping: 2_000).run(from: office.path("backup"))
    let branch = try Office(in: place)
    try branch.compute { _ in Office.computed(.red) }
    _ = try branch.control.activate(1, acceptRejects: false)
    #expect(try branch.statuses().count == 10)
    let new = try await branch.register(2).map(\.value)
    #expect(new == [2_011, 2_012])
    #expect(Set(new).isDisjoint(with: lost))
    try branch.restart()
    #expect(try await branch.register(1).map(\.value) == [2_013])
    try branch.compute { _ in Office.computed(.yellow) }
    _ = try branch.control.activate(2, acceptRejects: false)
    let statuses = try branch.statuses()
    #expect(statuses.count == 13 && statuses.values.allSatisfy { $0.colour == .yellow })
    try branch.loseCache()
    #expect(try branch.statuses() == statuses)
  }

  // MARK: What is refused

  @Test("every damaged, cut or missing file is refused, and the directory stays empty")
  func damaged() async throws {
    let office = try Office()
    try await office.register(30)
    try office.compute { _ in Office.computed(.red) }
    _ = try office.control.activate(1, acceptRejects: false)
    _ = try office.backup()
    let files = FileManager.default
    var random = SplitMix(of: "damaged backups")
    var tried = 0
    for name in try files.contentsOfDirectory(atPath: office.path("backup")) {
      let path = office.path("backup/\(name)")
      let whole = try Data(contentsOf: URL(fileURLWithPath: path))
      var changed: [Data?] = [nil, whole + Data([0])]
      if !whole.isEmpty {
        var flipped = whole
        flipped[random.below(whole.count)] ^= UInt8(1 << random.below(8))
        changed += [flipped, whole.dropLast()]
      }
      for data in changed {
        if let data {
          try data.write(to: URL(fileURLWithPath: path))
        } else {
          try files.removeItem(atPath: path)
        }
        let place = try TemporaryDirectory(quick: true)
        #expect(throws: (any Error).self, "\(name)") {
          try Office.restore(into: place).run(from: office.path("backup"))
        }
        #expect(!files.fileExists(atPath: "\(place.path)/data/data.mdb"))
        tried += 1
      }
      try whole.write(to: URL(fileURLWithPath: path))
    }
    #expect(tried > 30)
    let place = try TemporaryDirectory(quick: true)
    _ = try Office.restore(into: place).run(from: office.path("backup"))
  }

  private func refusal(_ restore: RegistryRestore, _ path: String) -> String {
    let error = #expect(throws: BackupError.self) { try restore.run(from: path) }
    return error?.description ?? ""
  }

  @Test("other keys, another format, places that are not empty: each is refused with its cure")
  func refusals() async throws {
    let office = try Office()
    try await office.register(3)
    _ = try office.backup()
    let path = office.path("backup")
    let place = try TemporaryDirectory(quick: true)
    let restore = Office.restore(into: place)
    let stranger = Office.restore(into: place, key: try SigningKey.generate())
    #expect(refusal(stranger, path).contains("sealer_key_file"))
    let pepper = RegionSecret(
      region: Office.region, secret: [UInt8](repeating: 1, count: 32),
      pepper: [UInt8](repeating: 3, count: 32))
    let other = Office.restore(into: place, secret: pepper)
    #expect(refusal(other, path).contains("pepper_file"))
    #expect(refusal(restore, office.path("nothing")).contains("no whole backup"))
    #expect(refusal(Office.restore(into: office.directory), path).contains("is not empty"))

    // Whole manifests of other formats, signed by the right key.
    let file = URL(fileURLWithPath: "\(path)/manifest.json")
    let manifest = String(decoding: try Data(contentsOf: file), as: UTF8.self)
    let object = manifest[..<manifest.range(of: ",\"signature\"")!.lowerBound] + "}"
    for format in [1, 3] {
      let other = object.replacingOccurrences(of: "\"format\":2", with: "\"format\":\(format)")
      #expect(other != object)
      try Data(SignedLine.sealed(Array(other.utf8), by: Office.key)).write(to: file)
      #expect(refusal(restore, path).contains("format \(format)"))
    }
    try Data(manifest.utf8).write(to: file)

    let cache = "\(place.path)/cache"
    try FileManager.default.createDirectory(atPath: cache, withIntermediateDirectories: true)
    try Data([1]).write(to: URL(fileURLWithPath: "\(cache)/data.mdb"))
    #expect(refusal(restore, path).contains("cache_directory"))
    try FileManager.default.removeItem(atPath: cache)

    // What a restore that was killed leaves is no hindrance.
    for name in ["data/.restoring/generations/1", "data/generations/1"] {
      try FileManager.default.createDirectory(
        atPath: "\(place.path)/\(name)", withIntermediateDirectories: true)
      try Data([1]).write(to: URL(fileURLWithPath: "\(place.path)/\(name)/pages"))
    }
    _ = try restore.run(from: path)
    #expect(refusal(restore, path).contains("is not empty"))
    #expect(try Office(in: place).statuses().count == 3)
  }

  @Test("a backup is never replaced, and one that was killed leaves nothing that counts")
  func places() async throws {
    let office = try Office()
    try await office.register(3)
    let partial = office.path("backup.partial")
    try FileManager.default.createDirectory(
      atPath: "\(partial)/x", withIntermediateDirectories: true)
    try Data([1]).write(to: URL(fileURLWithPath: "\(partial)/documents"))
    _ = try office.backup()
    #expect(!FileManager.default.fileExists(atPath: partial))
    let error = #expect(throws: BackupError.self) { try office.backup() }
    #expect(error?.description.contains("never replaced") == true)
  }
}
