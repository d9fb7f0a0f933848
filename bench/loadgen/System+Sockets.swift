// One of the few files of the load generator that calls the system with pointers.
internal import CLoadgen
import Glibc

/// A resolved TCP address.
struct Address: Sendable {
  fileprivate var storage = sockaddr_storage()
  fileprivate var byteCount: socklen_t = 0

  /// Looks `host` (a name, or an IPv4 or IPv6 address) up. `nil` if there is no such host.
  init?(host: String, port: UInt16) {
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard unsafe getaddrinfo(host, String(port), &hints, &list) == 0, let first = unsafe list
    else { return nil }
    defer { unsafe freeaddrinfo(first) }
    byteCount = unsafe first.pointee.ai_addrlen
    unsafe withUnsafeMutableBytes(of: &storage) { target in
      unsafe target.copyMemory(
        from: UnsafeRawBufferPointer(
          start: first.pointee.ai_addr, count: Int(first.pointee.ai_addrlen)))
    }
  }
}

/// Calls on non-blocking sockets.
enum Wire {
  /// How a receive or a send ended.
  enum Result: Equatable {
    case bytes(Int)
    case wouldBlock
    /// The peer will send no more.
    case finished
    case failed(Int32)
  }

  /// Begins to connect; the descriptor, or minus the error number.
  static func connect(to address: Address) -> Int32 {
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let descriptor = socket(
      Int32(address.storage.ss_family), type | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return -errno }
    var one: Int32 = 1
    _ = unsafe setsockopt(
      descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    var address = address
    let byteCount = address.byteCount
    let result = unsafe withUnsafePointer(to: &address.storage) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe Glibc.connect(descriptor, $0, byteCount)
      }
    }
    if result == 0 || errno == EINPROGRESS { return descriptor }
    let reason = errno
    close(descriptor)
    return -reason
  }

  /// The error of a connection attempt that has ended; 0 when it is connected.
  static func connectError(_ descriptor: Int32) -> Int32 {
    var reason: Int32 = 0
    var byteCount = socklen_t(MemoryLayout<Int32>.size)
    let result = unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &reason, &byteCount)
    return result == 0 ? reason : errno
  }

  /// Appends at most `max` bytes that have arrived.
  static func receive(_ descriptor: Int32, into bytes: inout [UInt8], max: Int) -> Result {
    var result = Result.wouldBlock
    bytes.append(addingCapacity: max) { target in
      unsafe target.withUnsafeMutableBufferPointer { buffer, initialized in
        let count = unsafe recv(descriptor, buffer.baseAddress, max, 0)
        initialized = Swift.max(count, 0)
        result = outcome(of: count, none: .finished)
      }
    }
    return result
  }

  /// Sends what of `bytes` lies behind `start`, as much as the socket takes.
  static func send(_ descriptor: Int32, _ bytes: [UInt8], from start: Int) -> Result {
    unsafe bytes.withUnsafeBytes { buffer in
      let count = unsafe Glibc.send(
        descriptor, buffer.baseAddress! + start, buffer.count - start, Int32(MSG_NOSIGNAL))
      return outcome(of: count, none: .wouldBlock)
    }
  }

  static func end(_ descriptor: Int32) { close(descriptor) }

  static func reason(_ number: Int32) -> String { unsafe String(cString: strerror(number)) }

  private static func outcome(of count: Int, none: Result) -> Result {
    if count > 0 { return .bytes(count) }
    if count == 0 { return none }
    let reason = errno
    return reason == EAGAIN || reason == EINTR ? .wouldBlock : .failed(reason)
  }
}

/// An epoll instance; each descriptor has a token. One thread.
@safe final class Poller {
  static let readable = EPOLLIN.rawValue
  static let writable = EPOLLOUT.rawValue

  private let descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
  private var events = unsafe [epoll_event](repeating: epoll_event(), count: 1_024)

  deinit { close(descriptor) }

  func add(_ socket: Int32, token: Int, _ interest: UInt32) {
    control(EPOLL_CTL_ADD, socket, token, interest)
  }

  func change(_ socket: Int32, token: Int, _ interest: UInt32) {
    control(EPOLL_CTL_MOD, socket, token, interest)
  }

  private func control(_ operation: Int32, _ socket: Int32, _ token: Int, _ interest: UInt32) {
    var event = unsafe epoll_event()
    unsafe event.events = interest
    unsafe event.data.u64 = UInt64(token)
    let result = unsafe epoll_ctl(descriptor, operation, socket, &event)
    precondition(result == 0, "epoll_ctl failed: the descriptor is not ours any more")
  }

  /// The number of events that came within `milliseconds`; 0 also when a signal came.
  func wait(milliseconds: Int32) -> Int {
    let count = unsafe Int32(events.count)
    return Int(max(0, unsafe epoll_wait(descriptor, &events, count, milliseconds)))
  }

  func token(_ index: Int) -> Int { unsafe Int(events[index].data.u64) }
  func kinds(_ index: Int) -> UInt32 { unsafe events[index].events }
}
