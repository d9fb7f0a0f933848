import Codes
import IssuerCore
import Security
import Server
import StatusCache

/// The issuer on one event loop: its read transactions, ciphers and routes.
final class IssuerLoop: LoopService {
  let issuer: IssuerParts
  let cache: CacheReader
  let registry: RegistryReader
  let handles: HandleCipher
  /// What this loop makes codes and gives keys from.
  private(set) var secret: RegionSecret
  private(set) var codes: CodeMaker
  var random = RandomPool()
  private(set) var router = Router([])
  /// What requests for one code were, by `Request.fieldsID`: a channel's are all alike.
  private var knownIssues: [KnownIssue?] = Array(repeating: nil, count: knownIssuesMax)
  /// Reused for every code.
  var code: [UInt8] = []
  var nonce: [UInt8] = []
  var tails = CodeAnswerTail()
  let codesIssued: Metrics.Counter
  /// The read of a socket after which the cache was looked at last.
  private var viewedRead = -1

  init(issuer: IssuerParts, metrics: Metrics) throws {
    self.issuer = issuer
    codesIssued = metrics.counter(
      "citycode_codes_issued_total", "Codes made, those of a batch each.")
    cache = try CacheReader(SharedCache(issuer.cache), region: issuer.region)
    registry = try RegistryReader(issuer.registry)
    handles = HandleCipher(key: issuer.secret.handleKey)
    secret = issuer.secret
    codes = CodeMaker(region: issuer.region, secret: issuer.secret)
    router = Router(codeRoutes + holderRoutes + feedRoutes)
  }

  private static let knownIssuesMax = 256

  /// Goes on with secrets whose handle key and pepper are those there were.
  func adopt(_ secret: RegionSecret) {
    self.secret = secret
    codes = CodeMaker(region: issuer.region, secret: secret)
  }

  /// An earlier request with the same header fields.
  func knownIssue(_ fieldsID: Int) -> KnownIssue? {
    guard fieldsID != 0, let known = knownIssues[fieldsID % Self.knownIssuesMax],
      known.fieldsID == fieldsID
    else { return nil }
    return known
  }

  func keep(_ known: KnownIssue) {
    guard known.fieldsID != 0 else { return }
    knownIssues[known.fieldsID % Self.knownIssuesMax] = known
  }

  /// Read transactions end with the turn, so that they never hold back the reuse of pages.
  func turnEnded() {
    viewedRead = -1
    cache.reset()
    registry.reset()
  }

  var now: CityTime { WallClock.now().cityTime }

  /// The holder a request names, if the handle is one of the caller's channel (or the caller may
  /// use every channel's).
  func holder(_ handle: some StringProtocol, for principal: Principal) throws(Problem) -> Serial {
    let text = Array(handle.utf8)
    return try holder(text.span, for: principal)
  }

  func holder(_ handle: Span<UInt8>, for principal: Principal) throws(Problem) -> Serial {
    guard let opened = handles.open(handle),
      opened.channel == principal.channel || principal.grants.contains(Grant.anyChannel)
    else {
      throw Problem(404, "unknown_holder", "No holder has this handle in your channel.")
    }
    return opened.serial
  }

  /// The status in the cache, as of the last write acknowledged before `exchange` was sent.
  func status(_ serial: Serial, for exchange: Exchange) throws(Problem) -> Status {
    if viewedRead != exchange.readNumber {
      do { try cache.renew() } catch {
        throw Problem.busy("The status cache cannot be read now.")
      }
      viewedRead = exchange.readNumber
    }
    guard let status = cache.status(of: serial), status.exists else {
      throw Problem(404, "unknown_holder", "No holder has this handle in your channel.")
    }
    return status
  }
}

/// What all loops of the issuer share; immutable or safe to share.
struct IssuerParts: Sendable {
  let region: Region
  /// As it was at the start: the pepper, and the handle key. Epoch keys may be newer on a loop.
  let secret: RegionSecret
  let registry: Registry
  let cache: CacheWriter
  let ledger: LedgerWriter
  let sealerKey: SigningKey
  let codePrefix: String?
  let codeLifetimeSeconds: Int
  let statusValidDays: Int
  let epochKeysHoursAhead: Int
}
