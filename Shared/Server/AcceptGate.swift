import Glibc
internal import NIOCore
import Synchronization

/// Counts open connections, in all and by address, and holds the listeners back while all are
/// taken: clients then wait in the kernel's queue, which costs them time and nobody anything else,
/// instead of being let in and thrown out.
final class AcceptGate: Sendable {
  private struct State {
    var count = 0
    var byAddress: [String: Int] = [:]
    /// What goes on with a listener that was held back.
    var paused: [@Sendable () -> Void] = []
  }

  private let connectionsMax: Int
  private let perAddressMax: Int
  private let pauses: Metrics.Counter
  private let state = Mutex(State())

  init(_ limits: ServerLimits, metrics: Metrics) {
    connectionsMax = limits.connectionsMax
    perAddressMax = limits.connectionsPerAddressMax
    pauses = metrics.counter(
      "citycode_accept_pauses_total",
      "Times a listener stopped taking connections because all were open.")
  }

  var openCount: Int { state.withLock { $0.count } }

  /// Takes a place; `false` when the address has all of its own. A listener takes up to
  /// `AcceptPause.atOnceMax` connections at once, so the sum may exceed the limit by that much.
  func enter(_ address: String) -> Bool {
    state.withLock { state in
      let here = state.byAddress[address, default: 0]
      guard here < perAddressMax else { return false }
      state.count += 1
      state.byAddress[address] = here + 1
      return true
    }
  }

  /// Gives the place back, and lets the listeners go on.
  func leave(_ address: String) {
    let paused = state.withLock { state in
      state.count -= 1
      let here = state.byAddress[address, default: 1] - 1
      state.byAddress[address] = here == 0 ? nil : here
      guard state.count < connectionsMax else { return [@Sendable () -> Void]() }
      defer { state.paused.removeAll() }
      return state.paused
    }
    for goOn in paused { goOn() }
  }

  /// Whether a listener may take connections; if not, `goOn` is called once when it may again,
  /// from any thread.
  func mayAccept(orLater goOn: @escaping @Sendable () -> Void) -> Bool {
    let may = state.withLock { state in
      if state.count < connectionsMax { return true }
      state.paused.append(goOn)
      return false
    }
    if !may { pauses.add() }
    return may
  }
}

/// Sits on a listener and swallows its wish to accept while `AcceptGate` has no place, or the
/// system no descriptor.
final class AcceptPause: ChannelDuplexHandler {
  typealias InboundIn = Channel
  typealias OutboundIn = Channel

  /// Connections taken in one go; NIO's default.
  static let atOnceMax = 4

  private let gate: AcceptGate
  private let loop: Loop
  private var isPaused = false

  init(_ gate: AcceptGate, on loop: Loop) {
    self.gate = gate
    self.loop = loop
  }

  func read(context: ChannelHandlerContext) {
    guard !isPaused else { return }
    let listener = LoopBound((handler: self, context: context), on: loop)
    let loop = loop
    let may = gate.mayAccept {
      loop.execute {
        listener.value.handler.isPaused = false
        listener.value.context.read()
      }
    }
    if may { context.read() } else { isPaused = true }
  }

  /// Without descriptors accepting fails as long as somebody waits to be let in, and NIO, which
  /// keeps listening, would try without end. So the listener is deaf for a second.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard let error = error as? IOError, Self.isShortage(error.errnoCode) else {
      return context.fireErrorCaught(error)
    }
    try? context.channel.syncOptions?.setOption(.autoRead, value: false)
    let channel = LoopBound(context.channel, on: loop)
    loop.schedule(afterMilliseconds: 1_000) {
      try? channel.value.syncOptions?.setOption(.autoRead, value: true)
    }
  }

  private static func isShortage(_ number: Int32) -> Bool {
    [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(number)
  }
}
