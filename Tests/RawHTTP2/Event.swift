/// What the peer did, one at a time and in order.
package enum Event: Equatable, Sendable {
  case settings([Setting])
  case settingsAcknowledged
  case headers(streamID: UInt32, fields: [HeaderField], endsStream: Bool)
  case data(streamID: UInt32, byteCount: Int, endsStream: Bool)
  case reset(streamID: UInt32, ErrorCode)
  case goAway(lastStreamID: UInt32, ErrorCode)
  case ping(UInt32)
  case pingAcknowledged(UInt32)
  case windowUpdate(streamID: UInt32, increment: UInt32)
  case other(Frame)
  /// The peer closed or reset the connection; the last event.
  case closed
  /// Nothing came until the deadline.
  case quiet
}

extension Event: CustomStringConvertible {
  package var description: String {
    switch self {
    case .settings(let settings):
      "SETTINGS(" + settings.map { "\($0.id): \($0.value)" }.joined(separator: ", ") + ")"
    case .settingsAcknowledged: "SETTINGS(ACK)"
    case .headers(let streamID, let fields, let endsStream):
      "HEADERS(\(streamID), status \(fields.status ?? 0)\(endsStream ? ", END_STREAM" : ""))"
    case .data(let streamID, let byteCount, let endsStream):
      "DATA(\(streamID), \(byteCount) bytes\(endsStream ? ", END_STREAM" : ""))"
    case .reset(let streamID, let code): "RST_STREAM(\(streamID), \(code))"
    case .goAway(let lastStreamID, let code): "GOAWAY(\(lastStreamID), \(code))"
    case .ping(let number): "PING(\(number))"
    case .pingAcknowledged(let number): "PING(\(number), ACK)"
    case .windowUpdate(let streamID, let increment): "WINDOW_UPDATE(\(streamID), \(increment))"
    case .other(let frame): "\(frame)"
    case .closed: "closed"
    case .quiet: "silence"
    }
  }
}

extension [HeaderField] {
  /// The response's status; `nil` unless there is exactly one of three digits.
  package var status: Int? {
    let values = filter { $0.name == ":status" }.map(\.value)
    guard values.count == 1, values[0].utf8.count == 3 else { return nil }
    return Int(values[0])
  }
}

/// Turns frames into events: joins header blocks and decodes them.
struct EventReader {
  private var decoder = HPACKDecoder()
  private var block: (streamID: UInt32, fragment: [UInt8], endsStream: Bool)?

  /// The event a frame completes; `nil` inside a header block.
  mutating func event(for frame: Frame) -> Event? {
    let isAcknowledgement = frame.flags.contains(.acknowledge)
    switch frame.kind {
    case .headers, .continuation: return headers(frame)
    case .data:
      return .data(
        streamID: frame.streamID, byteCount: frame.payload.count,
        endsStream: frame.flags.contains(.endStream))
    case .settings: return isAcknowledgement ? .settingsAcknowledged : settings(frame)
    case .rstStream:
      return .reset(
        streamID: frame.streamID, ErrorCode(rawValue: frame.payload.bigEndian32(at: 0)))
    case .goAway:
      return .goAway(
        lastStreamID: frame.payload.bigEndian32(at: 0),
        ErrorCode(rawValue: frame.payload.bigEndian32(at: 4)))
    case .ping:
      let number = frame.payload.bigEndian32(at: 4)
      return isAcknowledgement ? .pingAcknowledged(number) : .ping(number)
    case .windowUpdate:
      return .windowUpdate(
        streamID: frame.streamID, increment: frame.payload.bigEndian32(at: 0))
    default: return .other(frame)
    }
  }

  private mutating func headers(_ frame: Frame) -> Event? {
    var payload = frame.payload
    if frame.kind == .headers {
      if frame.flags.contains(.padded), let padding = payload.first {
        payload = Array(payload.dropFirst().dropLast(Int(padding)))
      }
      if frame.flags.contains(.priority) { payload.removeFirst(min(5, payload.count)) }
      block = (frame.streamID, [], frame.flags.contains(.endStream))
    }
    guard var open = block else { return .other(frame) }
    open.fragment += payload
    block = open
    guard frame.flags.contains(.endHeaders) else { return nil }
    block = nil
    guard let fields = try? decoder.decode(open.fragment) else { return .other(frame) }
    return .headers(streamID: open.streamID, fields: fields, endsStream: open.endsStream)
  }

  private func settings(_ frame: Frame) -> Event {
    let offsets = stride(from: 0, to: frame.payload.count - frame.payload.count % 6, by: 6)
    return .settings(
      offsets.map { offset in
        Setting(
          id: UInt16(frame.payload[offset]) << 8 | UInt16(frame.payload[offset + 1]),
          value: frame.payload.bigEndian32(at: offset + 2))
      })
  }
}
