internal import NIOCore

/// The memory into which the connections of one loop read, one after the other.
///
/// NIO by itself keeps a buffer for every channel: tens of KiB that an idle connection holds for
/// nothing. Here a read takes the loop's, and the connection gives it back when it has looked at
/// the bytes. Used on its loop alone.
final class ReadBuffer: @unchecked Sendable {
  private var spare: ByteBuffer?

  static let byteCount = 32_768

  func take(_ allocator: ByteBufferAllocator) -> ByteBuffer {
    guard var buffer = exchange(&spare, with: nil) else {
      return allocator.buffer(capacity: Self.byteCount)
    }
    // Allocates anew if somebody holds on to the bytes.
    buffer.clear()
    return buffer
  }

  /// The bytes in `buffer` are done with.
  func giveBack(_ buffer: consuming ByteBuffer) {
    if buffer.storageCapacity == Self.byteCount { spare = buffer }
  }
}

/// Has a channel read into its loop's `ReadBuffer`.
///
/// NIO keeps the first buffer that it is given, whatever comes after, so that one is small. It
/// reads once for an event (`maxMessagesPerRead`): with more it would keep more.
struct ReadBufferAllocator: RecvByteBufferAllocator {
  private let shared: ReadBuffer
  private var hasFirst = false

  /// Enough for a client's first frames.
  private static let firstByteCount = 512

  init(_ shared: ReadBuffer) {
    self.shared = shared
  }

  func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
    hasFirst ? shared.take(allocator) : allocator.buffer(capacity: Self.firstByteCount)
  }

  /// "May grow" makes NIO ask for a buffer before each read.
  mutating func record(actualReadBytes: Int) -> Bool {
    hasFirst = true
    return true
  }
}
