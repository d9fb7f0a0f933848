/// Which streams closed lately, and how. The library forgets closed streams at once (keeping them
/// costs it 50 KB a connection), but a late frame has to be judged by how its stream closed:
/// RFC 9113 §5.1 asks to ignore it where this side reset the stream and to end the connection
/// where the peer had ended it.
struct ClosedStreams {
  private static let resetsKept = 64
  private static let closedKept = 16

  private var resets = InlineArray<64, Int32>(repeating: 0)
  private var nextReset = 0
  private var closed = InlineArray<16, Int32>(repeating: 0)
  private var nextClosed = 0

  /// This side reset or refused the stream: what the peer has sent meanwhile is to be ignored.
  mutating func appendReset(_ streamID: Int32) {
    resets[nextReset & (Self.resetsKept - 1)] = streamID
    nextReset &+= 1
  }

  /// Both sides ended the stream, or the peer reset it: nothing may follow.
  mutating func appendClosed(_ streamID: Int32) {
    closed[nextClosed & (Self.closedKept - 1)] = streamID
    nextClosed &+= 1
  }

  func wasReset(_ streamID: Int32) -> Bool {
    for index in 0..<Self.resetsKept where resets[index] == streamID { return true }
    return false
  }

  func wasClosed(_ streamID: Int32) -> Bool {
    for index in 0..<Self.closedKept where closed[index] == streamID { return true }
    return false
  }
}
