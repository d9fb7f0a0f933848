/// One parameter of a SETTINGS frame (RFC 9113 §6.5.1).
package struct Setting: Hashable, Sendable {
  package var id: UInt16
  package var value: UInt32

  package static let headerTableSizeID: UInt16 = 1
  package static let streamsMaxID: UInt16 = 3
  package static let headerListBytesMaxID: UInt16 = 6

  package init(id: UInt16, value: UInt32) {
    self.id = id
    self.value = value
  }

  package static func headerTableSize(_ value: UInt32) -> Setting { .init(id: 1, value: value) }
  package static func enablePush(_ value: UInt32) -> Setting { .init(id: 2, value: value) }
  package static func initialWindowSize(_ value: UInt32) -> Setting { .init(id: 4, value: value) }
  package static func maxFrameSize(_ value: UInt32) -> Setting { .init(id: 5, value: value) }
}

/// The signal RFC 7540 gave a stream's place in a tree with; RFC 9113 §5.3.2 keeps only its form.
package struct Priority: Hashable, Sendable {
  package var dependency: UInt32
  package var isExclusive: Bool
  /// As on the wire: one less than the weight.
  package var weightByte: UInt8

  package init(on dependency: UInt32 = 0, isExclusive: Bool = false, weightByte: UInt8 = 255) {
    self.dependency = dependency
    self.isExclusive = isExclusive
    self.weightByte = weightByte
  }

  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: dependency | (isExclusive ? 0x8000_0000 : 0))
    bytes.append(weightByte)
    return bytes
  }
}

extension Frame {
  /// DATA (§6.1); `padding` adds the length byte and that many zeros.
  package static func data(
    _ streamID: UInt32, _ body: [UInt8], _ flags: FrameFlags = [], padding: UInt8? = nil
  ) -> Frame {
    padded(Frame(.data, flags: flags, streamID: streamID, payload: body), by: padding)
  }

  /// HEADERS (§6.2) carrying a fragment that may be all of the header block.
  package static func headers(
    _ streamID: UInt32, _ fragment: [UInt8], _ flags: FrameFlags = .wholeRequest,
    padding: UInt8? = nil, priority: Priority? = nil
  ) -> Frame {
    var frame = Frame(.headers, flags: flags, streamID: streamID, payload: fragment)
    if let priority {
      frame.flags.insert(.priority)
      frame.payload = priority.bytes + fragment
    }
    return padded(frame, by: padding)
  }

  /// CONTINUATION (§6.10).
  package static func continuation(
    _ streamID: UInt32, _ fragment: [UInt8], _ flags: FrameFlags = .endHeaders
  ) -> Frame {
    Frame(.continuation, flags: flags, streamID: streamID, payload: fragment)
  }

  /// PRIORITY (§6.3).
  package static func priority(_ streamID: UInt32, _ priority: Priority = Priority()) -> Frame {
    Frame(.priority, streamID: streamID, payload: priority.bytes)
  }

  /// RST_STREAM (§6.4).
  package static func rstStream(_ streamID: UInt32, _ code: ErrorCode = .cancel) -> Frame {
    Frame(.rstStream, streamID: streamID, payload: bytes(code.rawValue))
  }

  /// SETTINGS (§6.5) in the order given.
  package static func settings(_ settings: Setting...) -> Frame {
    var payload: [UInt8] = []
    for setting in settings {
      payload.append(UInt8(truncatingIfNeeded: setting.id >> 8))
      payload.append(UInt8(truncatingIfNeeded: setting.id))
      payload.append(bigEndian: setting.value)
    }
    return Frame(.settings, payload: payload)
  }

  /// The answer to the peer's SETTINGS.
  package static let settingsAcknowledgement = Frame(.settings, flags: .acknowledge)

  /// PUSH_PROMISE (§6.6), which a client may never send.
  package static func pushPromise(
    _ streamID: UInt32, promised: UInt32, _ fragment: [UInt8]
  ) -> Frame {
    Frame(
      .pushPromise, flags: .endHeaders, streamID: streamID, payload: bytes(promised) + fragment)
  }

  /// PING (§6.7); the opaque bytes are `number`.
  package static func ping(_ number: UInt32, _ flags: FrameFlags = []) -> Frame {
    Frame(.ping, flags: flags, payload: bytes(0) + bytes(number))
  }

  /// GOAWAY (§6.8).
  package static func goAway(_ code: ErrorCode, lastStreamID: UInt32 = 0) -> Frame {
    Frame(.goAway, payload: bytes(lastStreamID) + bytes(code.rawValue))
  }

  /// WINDOW_UPDATE (§6.9).
  package static func windowUpdate(_ streamID: UInt32, _ increment: UInt32) -> Frame {
    Frame(.windowUpdate, streamID: streamID, payload: bytes(increment))
  }

  private static func padded(_ frame: Frame, by padding: UInt8?) -> Frame {
    guard let padding else { return frame }
    var frame = frame
    frame.flags.insert(.padded)
    frame.payload = [padding] + frame.payload + [UInt8](repeating: 0, count: Int(padding))
    return frame
  }

  private static func bytes(_ value: UInt32) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: value)
    return bytes
  }
}
