import Security

/// The bytes of one connection: a socket, TLS where asked for, and a buffer for each direction.
struct Transport: ~Copyable {
  enum Received: Equatable {
    case bytes
    case nothing
    case ended(String)
  }

  static let receiveBytesMax = 256 << 10

  let descriptor: Int32
  /// Plaintext that has arrived and ends within a frame.
  var input: [UInt8] = []
  private var tls: TLSSession?
  /// What `flush` sends: `output` itself without TLS.
  private var waiting: [UInt8] = []
  private var sentCount = 0
  private(set) var isSecured: Bool

  init(_ descriptor: Int32, _ tls: consuming TLSSession?) {
    self.descriptor = descriptor
    isSecured = tls == nil
    self.tls = tls
  }

  deinit { Wire.end(descriptor) }

  /// True while bytes wait for room in the socket.
  var isBlocked: Bool { !waiting.isEmpty }

  /// Whether the handshake resumed an earlier session.
  private(set) var isResumed = false

  /// Appends what the socket has to `plaintext`, up to a limit; what is left makes it readable
  /// again. `cipher` is room for TLS.
  mutating func receive(into plaintext: inout [UInt8], cipher: inout [UInt8]) -> Received {
    guard tls != nil else {
      return Self.received(
        Wire.receive(descriptor, into: &plaintext, max: Self.receiveBytesMax))
    }
    cipher.removeAll(keepingCapacity: true)
    let result = Self.received(
      Wire.receive(descriptor, into: &cipher, max: Self.receiveBytesMax))
    guard result == .bytes else { return result }
    tls!.receive(cipher.span)
    do throws(SecurityError) {
      if !isSecured {
        isSecured = try tls!.advanceHandshake() == .done
        if isSecured { isResumed = tls!.wasResumed() }
        moveCipher()
        guard isSecured else { return .nothing }
      }
      return try readAll(into: &plaintext)
    } catch {
      moveCipher()
      var nothing: [UInt8] = []
      _ = flush(&nothing)
      return .ended(error.description)
    }
  }

  private mutating func readAll(
    into plaintext: inout [UInt8]
  ) throws(SecurityError) -> Received {
    var result = Received.nothing
    while true {
      switch try tls!.read(into: &plaintext, max: Self.receiveBytesMax) {
      case .bytes: result = .bytes
      case .needsInput: return result
      case .closed: return result == .bytes ? .bytes : .ended("closed by the server")
      }
    }
  }

  /// Makes the first message of the TLS handshake.
  mutating func beginHandshake() -> String? {
    guard tls != nil else { return nil }
    do throws(SecurityError) { _ = try tls!.advanceHandshake() } catch {
      return error.description
    }
    moveCipher()
    return nil
  }

  private static func received(_ result: Wire.Result) -> Received {
    switch result {
    case .bytes: .bytes
    case .wouldBlock: .nothing
    case .finished: .ended("closed by the server")
    case .failed(let number): .ended(Wire.reason(number))
    }
  }

  /// Takes `output` and sends as much as the socket takes; the reason if the connection ended.
  mutating func flush(_ output: inout [UInt8]) -> String? {
    if !output.isEmpty, isSecured {
      if tls != nil {
        if let reason = encrypt(&output) { return reason }
      } else if waiting.isEmpty {
        swap(&waiting, &output)
      } else {
        waiting.append(contentsOf: output)
        output.removeAll(keepingCapacity: true)
      }
    }
    while sentCount < waiting.count {
      switch Wire.send(descriptor, waiting, from: sentCount) {
      case .bytes(let count): sentCount += count
      case .wouldBlock, .finished: return nil
      case .failed(let number): return Wire.reason(number)
      }
    }
    sentCount = 0
    waiting.removeAll(keepingCapacity: true)
    return nil
  }

  private mutating func encrypt(_ output: inout [UInt8]) -> String? {
    do throws(SecurityError) { try tls!.write(output.span) } catch { return error.description }
    output.removeAll(keepingCapacity: true)
    moveCipher()
    return nil
  }

  /// Says that nothing more follows (close_notify): without it some servers forget the session,
  /// and it cannot be resumed.
  mutating func finish() {
    guard tls != nil, isSecured else { return }
    tls!.shutDown()
    moveCipher()
    var nothing: [UInt8] = []
    _ = flush(&nothing)
  }

  private mutating func moveCipher() { tls!.takeOutput(into: &waiting) }
}

extension TLSSession {
  /// `isResumed`; mutating because reading a property through an optional would consume it.
  fileprivate mutating func wasResumed() -> Bool { isResumed }
}
