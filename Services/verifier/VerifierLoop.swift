import Codes
import Feed
import HTTP2
import JSON
import Server
import StatusCache
import VerifierCore

/// The verifier on one event loop: everything a scan needs without leaving the thread.
final class VerifierLoop: LoopService {
  let parts: VerifierParts
  let loop: Loop
  private(set) var scenes: [String: Scene]
  /// The rules while an operator holds D3.
  private let lastKnownRules: ScanRules
  /// How much of an answer is given now.
  var level = DegradationLevel.full
  /// Scans of this turn that are opened and not judged yet.
  var pending = PendingScans()
  let cache: CacheReader
  let keys = KeyRing()
  let journal: JournalHandoff
  let relay: Upstream?
  let counters: ScanCounters
  var answers = ScanAnswerWriter()
  var receipts: ReceiptSource
  var claimReceipts: ReceiptSource
  /// Reused for every scan: the decoded code, the opened claims, the receipt.
  var code: [UInt8] = []
  var scratch: [UInt8] = []
  var receipt: [UInt8] = []
  /// What scans were for, by `Request.fieldsID`: a gate's are all alike.
  private var knownScans: [KnownScan?]
  /// The time of this turn, which its scans share as they share the view of the cache.
  private(set) var turnTime = Instant(milliseconds: 0)
  /// The headers that say for a text scan what JSON says in members.
  let headerNames = [
    "citycode-scene", "citycode-point", "citycode-purpose", "citycode-business-number",
  ].map { Array($0.utf8) }
  private(set) var router = Router([])
  private var holdsTransaction = false
  private var keyFileTime: Int64 = -1

  init(parts: VerifierParts, loop: Loop, metrics: Metrics) throws {
    self.parts = parts
    scenes = parts.scenes
    lastKnownRules = parts.rules.forAnyAge
    self.loop = loop
    cache = try CacheReader(parts.cache, region: parts.rules.region)
    journal = parts.journal.handoff(ofLoop: loop.index)
    relay = parts.relay.map { Upstream($0.url, sharing: $0.tls, on: loop) }
    receipts = ReceiptSource(process: parts.processNumber, loop: UInt8(loop.index))
    claimReceipts = ReceiptSource(process: parts.processNumber, loop: UInt8(loop.index) | 0x80)
    counters = ScanCounters(metrics, Array(parts.scenes.values))
    knownScans = Array(repeating: nil, count: Self.knownScansMax)
    router = Router(scanRoutes)
    reloadKeys()
  }

  /// What an earlier request with the same fields was for says it, or else the first scene of who
  /// asks.
  func urgency(of request: Request, _ principal: Principal) -> Urgency {
    let scene =
      knownScan(request.fieldsID)?.context.scene
      ?? principal.scenes.lazy.compactMap { self.scenes[$0] }.first
    return switch scene?.priority {
    case .high: .high
    case .low: .low
    case .normal, nil: .normal
    }
  }

  func rules(at level: DegradationLevel) -> ScanRules {
    level == .lastKnown ? lastKnownRules : parts.rules
  }

  func turnEnded() {
    finishPending()
    if holdsTransaction { cache.reset() }
    holdsTransaction = false
    journal.handOver()
  }

  private static let knownScansMax = 1_024

  /// What an earlier request with the same header fields was for.
  func knownScan(_ fieldsID: Int) -> KnownScan? {
    guard fieldsID != 0, let known = knownScans[fieldsID % Self.knownScansMax],
      known.fieldsID == fieldsID
    else { return nil }
    return known
  }

  func keep(_ known: KnownScan) {
    guard known.fieldsID != 0 else { return }
    knownScans[known.fieldsID % Self.knownScansMax] = known
  }

  /// Goes on with other scenes and grants: what scans with known fields were for is asked anew.
  func adopt(_ scenes: [String: Scene]) {
    self.scenes = scenes
    counters.cover(Array(scenes.values))
    for index in knownScans.indices { knownScans[index] = nil }
  }

  /// Gives scans of this turn one view of the cache, and one time.
  func openCache() throws(Problem) {
    guard !holdsTransaction else { return }
    do { try cache.renew() } catch {
      throw Problem.busy("The status cache cannot be read now.")
    }
    holdsTransaction = true
    turnTime = WallClock.now()
  }

  /// Looks once a second whether the epoch keys beside the cache have been replaced.
  private func reloadKeys() {
    let path = parts.epochKeysPath
    if let time = System.modificationTime(path), time != keyFileTime,
      let bytes = try? System.readFile(path), let file = EpochKeyFile(bytes),
      file.region == parts.rules.region
    {
      keyFileTime = time
      keys.replace(with: file)
      if loop.index == 0 { parts.health.keysLoaded(file) }
    }
    let this = LoopBound(self, on: loop)
    loop.schedule(afterMilliseconds: 1_000) { this.value.reloadKeys() }
  }
}

/// What a scan was for, to be used for the next with the same header fields.
final class KnownScan {
  let fieldsID: Int
  let context: ScanContext
  /// The request's JSON but for the code; `nil` for a text.
  let json: RepeatedObject?
  let isText: Bool

  init(fieldsID: Int, context: ScanContext, json: RepeatedObject? = nil) {
    self.fieldsID = fieldsID
    self.context = context
    self.json = json
    isText = json == nil
  }
}
