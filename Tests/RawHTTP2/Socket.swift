// The one file of the test client that talks to the C library, hence the only one with `unsafe`.
internal import Glibc

/// Why a socket could not be opened.
package struct SocketError: Error, CustomStringConvertible {
  let operation: String
  let number: CInt

  package var description: String {
    "\(operation): error number \(number)"
  }
}

/// The loopback interface.
package enum Loopback {
  /// A TCP port nobody listened on a moment ago.
  package static func freePort() throws(SocketError) -> UInt16 {
    let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
    var byteCount = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe bind(descriptor, $0, byteCount) == 0 && getsockname(descriptor, $0, &byteCount) == 0
      }
    }
    guard isBound else { throw SocketError(operation: "bind", number: errno) }
    return UInt16(bigEndian: address.sin_port)
  }
}

/// A non-blocking TCP socket whose calls wait until a deadline. Closes when it goes away.
struct Socket: ~Copyable {
  /// How a receive ended.
  enum Received {
    case bytes(Int)
    case nothingYet
    /// The peer said it will send no more.
    case finished
    /// The peer threw the connection away.
    case reset
  }

  /// How a send ended.
  enum Sent { case all, blocked, ended }

  private let descriptor: CInt

  /// POLLRDHUP, which the header hides behind `_GNU_SOURCE`.
  private static let peerFinished: Int16 = 0x2000

  /// Connects to a numeric IPv4 or IPv6 address. `receiveBufferBytes` keeps the kernel from soaking
  /// up what a test refuses to read.
  init(
    address: String, port: UInt16, receiveBufferBytes: Int? = nil
  ) throws(SocketError) {
    let isIPv6 = address.contains(":")
    descriptor = socket(isIPv6 ? AF_INET6 : AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw SocketError(operation: "socket", number: errno) }
    if let receiveBufferBytes { setOption(SOL_SOCKET, SO_RCVBUF, CInt(receiveBufferBytes)) }
    setOption(CInt(IPPROTO_TCP), TCP_NODELAY, 1)
    guard isIPv6 ? connect6(address, port) : connect4(address, port) else {
      throw SocketError(operation: "connect to \(address) port \(port)", number: errno)
    }
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
  }

  deinit { close(descriptor) }

  /// Sends all of `bytes`, waiting for room until `deadline`. A peer that has gone is no error.
  func send(_ bytes: [UInt8], until deadline: ContinuousClock.Instant) -> Sent {
    var offset = 0
    while offset < bytes.count {
      let rest = bytes[offset...]
      let count = unsafe rest.withUnsafeBytes { buffer in
        unsafe Glibc.send(descriptor, buffer.baseAddress, buffer.count, CInt(MSG_NOSIGNAL))
      }
      if count > 0 {
        offset += count
      } else if errno == EAGAIN {
        guard waitFor(Int16(POLLOUT), until: deadline) else { return .blocked }
      } else if errno != EINTR {
        return .ended
      }
    }
    return .all
  }

  /// Appends what has arrived to `bytes`, waiting for the first byte until `deadline`.
  func receive(
    into bytes: inout [UInt8], until deadline: ContinuousClock.Instant
  ) -> Received {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe buffer.withUnsafeMutableBytes { buffer in
        unsafe recv(descriptor, buffer.baseAddress, buffer.count, 0)
      }
      if count > 0 {
        bytes.append(contentsOf: buffer[..<count])
        return .bytes(count)
      }
      if count == 0 { return .finished }
      switch errno {
      case EAGAIN: guard waitFor(Int16(POLLIN), until: deadline) else { return .nothingYet }
      case EINTR: continue
      default: return .reset
      }
    }
  }

  /// Whether the peer has closed or reset the connection, found out without reading anything.
  var isEndedByPeer: Bool {
    let end = Self.peerFinished | Int16(POLLERR) | Int16(POLLHUP)
    return poll(for: Self.peerFinished, milliseconds: 0) & end != 0
  }

  /// Says that nothing more will be sent, and goes on reading.
  func finishSending() { _ = shutdown(descriptor, CInt(SHUT_WR)) }

  private func waitFor(_ events: Int16, until deadline: ContinuousClock.Instant) -> Bool {
    let rest = deadline - .now
    guard rest > .zero else { return false }
    let milliseconds = rest / .milliseconds(1)
    return poll(for: events, milliseconds: CInt(milliseconds.rounded(.up))) != 0
  }

  /// The events that have happened.
  private func poll(for events: Int16, milliseconds: CInt) -> Int16 {
    var request = pollfd(fd: descriptor, events: events, revents: 0)
    let count = unsafe Glibc.poll(&request, 1, milliseconds)
    return count > 0 ? request.revents : 0
  }

  private func setOption(_ level: CInt, _ name: CInt, _ value: CInt) {
    var value = value
    _ = unsafe setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<CInt>.size))
  }

  private func connect4(_ address: String, _ port: UInt16) -> Bool {
    var socketAddress = sockaddr_in()
    socketAddress.sin_family = sa_family_t(AF_INET)
    socketAddress.sin_port = port.bigEndian
    guard unsafe inet_pton(AF_INET, address, &socketAddress.sin_addr) == 1 else { return false }
    return unsafe withUnsafePointer(to: &socketAddress) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }

  private func connect6(_ address: String, _ port: UInt16) -> Bool {
    var socketAddress = sockaddr_in6()
    socketAddress.sin6_family = sa_family_t(AF_INET6)
    socketAddress.sin6_port = port.bigEndian
    guard unsafe inet_pton(AF_INET6, address, &socketAddress.sin6_addr) == 1 else { return false }
    return unsafe withUnsafePointer(to: &socketAddress) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size)) == 0
      }
    }
  }
}
