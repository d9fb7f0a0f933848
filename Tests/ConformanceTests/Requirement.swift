import RawHTTP2
import Testing

/// One sentence of RFC 9113 or RFC 7541 that a server must keep, and the exchange that shows it.
///
/// The numbers are those under which the well-known suites list the same requirements (they follow
/// RFC 7540's sections), so that results can be laid side by side.
struct Requirement: Sendable, CustomTestStringConvertible {
  let id: String
  /// Where today's text has it.
  let section: String
  let sentence: String
  /// Whether prefaces are exchanged before `check` begins.
  let opensConnection: Bool
  let check: @Sendable (RawConnection) throws -> Void

  init(
    _ id: String, _ section: String, _ sentence: String, opensConnection: Bool = true,
    check: @escaping @Sendable (RawConnection) throws -> Void
  ) {
    self.id = id
    self.section = section
    self.sentence = sentence
    self.opensConnection = opensConnection
    self.check = check
  }

  var testDescription: String { "\(id) (\(section)): \(sentence)" }

  /// All of them, in the order of their numbers.
  static let all = generic + connection + streams + frames + flowControl + messages + compression
}

extension RawConnection {
  /// A request answered in full: the stream is closed from both ends.
  func completeRequest(on streamID: UInt32 = 1) throws {
    send(.headers(streamID, block()))
    try expectResponse(on: streamID)
  }

  /// Announces a first flow-control window for every stream and waits until it counts.
  func setInitialWindow(_ byteCount: UInt32) throws {
    send(.settings(.initialWindowSize(byteCount)))
    try expectSettingsAcknowledged()
  }
}

extension HeaderField {
  /// A harmless field to fill header blocks with.
  static let filler = HeaderField("x-filler", String(repeating: "a", count: 256))
}

/// A small request body.
let someBody = Array("body".utf8)
