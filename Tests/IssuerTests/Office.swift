import Codes
import Feed
import IssuerCore
import Logging
import Security
import Server
import StatusCache
import Storage
import Support

@testable import issuer

/// An issuer's files with its ledger and its generations, without a network.
final class Office {
  static let region = Region(310_000)!
  static let end = CityTime(rfc3339: "2027-01-01T00:00:00Z")!
  static let key = try! SigningKey.generate()
  static let secret = RegionSecret(
    region: region, secret: [UInt8](repeating: 1, count: 32),
    pepper: [UInt8](repeating: 2, count: 32))

  let directory: TemporaryDirectory
  private(set) var store: IssuerStore!
  private(set) var ledger: LedgerWriter!
  private(set) var control: GenerationControl!
  private var documents: UInt64 = 0
  let kept: Int

  /// An office of its own, or on what lies in `directory`.
  init(kept: Int = 3, in directory: TemporaryDirectory? = nil) throws {
    self.directory = try directory ?? TemporaryDirectory(quick: true)
    self.kept = kept
    // What lies there may be of another office's first people.
    documents = directory == nil ? 0 : 1 << 40
    try open()
  }

  deinit { ledger?.close() }

  var dataDirectory: String { "\(directory.path)/data" }
  var cacheDirectory: String { "\(directory.path)/cache" }

  /// Opens the files as `serve` does.
  func open() throws {
    try System.makeDirectory(dataDirectory)
    try System.makeDirectory(cacheDirectory)
    let mapSize = 64 << 20
    store = IssuerStore(
      region: Self.region, secret: Self.secret,
      sealerKey: Self.key,
      registry: try Registry(
        directory: dataDirectory, region: Self.region, mapSizeBytes: mapSize),
      cache: try CacheWriter(
        directory: cacheDirectory, region: Self.region, mapSizeBytes: mapSize),
      generations: GenerationDirectory(dataDirectory: dataDirectory))
    try LogRecovery(store).run()
    ledger = try LedgerWriter(
      registry: store.registry, cache: store.cache, key: Self.key,
      log: LineLogHandler.logger("issuer", level: .error))
    control = GenerationControl(
      region: Self.region, registry: store.registry, cache: store.cache, key: Self.key,
      directory: store.generations, kept: kept, ledger: ledger)
  }

  func close() {
    ledger?.close()
    control = nil
    ledger = nil
    store = nil
  }

  func restart() throws {
    close()
    try open()
  }

  /// Restarts with an empty status cache.
  func loseCache() throws {
    close()
    try System.removeDirectory(cacheDirectory)
    try open()
  }

  // MARK: Changes

  static let order = Order(actor: "officer 7", authority: "urn:health", ticket: "T-1")

  @discardableResult
  func submit(_ actions: [Command.Action]) async throws -> [Reply] {
    var replies: [Reply] = []
    for action in actions {
      replies.append(try await ledger.reply(to: Command(action, order: Self.order)))
    }
    return replies
  }

  /// One write with an idempotency key.
  func submit(_ action: Command.Action, key: UInt64) async throws -> Reply {
    try await ledger.reply(
      to: Command(
        action, order: Self.order,
        idempotency: Idempotency(
          key: Bytes16(high: 1, low: key), fingerprint: Bytes16(high: 2, low: key))))
  }

  /// Registers `count` people; their serials.
  @discardableResult
  func register(_ count: Int) async throws -> [Serial] {
    let actions = (0..<count).map { _ in
      documents += 1
      return Command.Action.register(
        document: Bytes16(high: 7, low: documents), kind: .resident, guardian: nil,
        statusValidUntil: Self.end)
    }
    return try await submit(actions).compactMap { reply in
      if case .registered(let serial, _) = reply { serial } else { nil }
    }
  }

  func set(_ serial: UInt64, _ colour: Colour, reason: UInt8 = 1, until: CityTime? = nil)
    async throws
  {
    try await submit([
      .setStatus(
        Serial(serial)!, colour: colour, reason: reason, validUntil: until, flags: nil)
    ])
  }

  func killCodes(_ serial: UInt64, reason: UInt8? = nil) async throws {
    try await submit([.killCodes(Serial(serial)!, reason: reason)])
  }

  // MARK: Generations

  var base: GenerationBase {
    get throws { GenerationBase(try store.registry.state(), region: Self.region) }
  }

  static func facts(
    rejected: Int = 0, rejectShareMax: Double = 0.05, name: String = "test"
  ) -> GenerationFacts {
    GenerationFacts(
      planName: name, planDigest: SHA256.hash([1, 2, 3].span), asOf: end,
      rejectShareMax: rejectShareMax,
      sources: [
        GenerationSource(
          name: "tests", rows: 100, used: 90 - rejected, duplicates: 10, rejected: rejected)
      ], seconds: 1.5)
  }

  /// The pages of a generation with `status` of each serial.
  static func pages(
    _ range: Range<Int>, of base: GenerationBase, _ status: (UInt64) -> Status
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    for number in range {
      var page = StatusPage()
      for slot in 0..<StatusPage.statusCount {
        let serial = UInt64(number * StatusPage.statusCount + slot)
        if serial > 0, serial < base.nextSerial { page[slot] = status(serial) }
      }
      page.seal(version: base.position)
      bytes += page.bytes
    }
    return bytes
  }

  /// Writes a generation as the computation does; its number.
  @discardableResult
  func compute(
    _ base: GenerationBase? = nil, facts: GenerationFacts = Office.facts(),
    _ status: (UInt64) -> Status
  ) throws -> UInt32 {
    let base = try base ?? self.base
    let writer = try GenerationWriter(directory: store.generations.path, base: base)
    let pages = Self.pages(0..<base.pageCount, of: base, status)
    try writer.write(pages.span, firstPage: 0)
    return try writer.finish(facts, signedBy: Self.key).number
  }

  static func computed(
    _ colour: Colour, reason: UInt8 = 50, until: CityTime = end
  ) -> Status {
    Status(colour: colour, kind: .unspecified, reason: reason, validUntil: until)
  }

  // MARK: What is so

  /// All statuses, by serial.
  func statuses() throws -> [UInt64: Status] {
    let reader = try CacheReader(SharedCache(store.cache), region: Self.region)
    try reader.renew()
    defer { reader.reset() }
    var statuses: [UInt64: Status] = [:]
    for serial in 1..<max(1, UInt64(reader.pageCount) * UInt64(StatusPage.statusCount)) {
      if let status = reader.status(of: Serial(serial)!), status.exists {
        statuses[serial] = status
      }
    }
    return statuses
  }

  func status(_ serial: UInt64) throws -> Status? { try statuses()[serial] }
}

extension LedgerWriter {
  func reply(to command: Command) async throws -> Reply {
    let result = await withCheckedContinuation { continuation in
      submit(command) { continuation.resume(returning: $0) }
    }
    return try result.get()
  }
}
