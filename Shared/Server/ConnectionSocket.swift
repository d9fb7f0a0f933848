import Glibc
internal import NIOCore

/// The sending side of an accepted socket.
///
/// Bytes go to the socket itself, and to NIO only what it does not take: NIO's way, with a buffer
/// and an entry of a queue for each write, made the packet of a gate that waits for each answer a
/// quarter dearer. NIO waits until the socket takes more, and closes it.
final class ConnectionSocket {
  private let channel: any Channel
  private let loop: Loop
  /// Valid as long as the channel is active.
  private let descriptor: NIOBSDSocket.Handle
  /// Writes that NIO holds; what follows goes behind them.
  private var heldWrites = 0
  /// Bytes given to `write` since the beginning.
  private var byteCount = 0

  init(_ channel: any Channel, on loop: Loop) throws {
    self.channel = channel
    self.loop = loop
    descriptor = try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable { $0 } ?? -1
  }

  /// Writes in the order of calls; never before the channel is active, nor after it is not.
  func write(_ bytes: [UInt8]) {
    byteCount += bytes.count
    let sent = heldWrites > 0 ? 0 : System.send(bytes.span, to: descriptor)
    guard sent < bytes.count else { return }
    heldWrites += 1
    let socket = LoopBound(self, on: loop)
    channel.writeAndFlush(ByteBuffer(bytes: bytes[sent...])).whenComplete { _ in
      socket.value.heldWrites -= 1
    }
  }

  /// Runs `body` on the loop when all that was written is with the kernel, or lost.
  func whenWritten(_ body: @escaping @Sendable () -> Void) {
    channel.writeAndFlush(ByteBuffer()).whenComplete { _ in body() }
  }

  /// Bytes that wait here for the client to read, and those that the kernel took.
  var progress: (unwritten: Int, written: Int) {
    let unwritten = (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    return (unwritten, byteCount - unwritten)
  }

  /// Has `close` throw the connection away with RST, which costs nothing more on either side.
  func resetAtClose() {
    _ = (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
  }

  func close() { channel.close(promise: nil) }
}
