import Codes
import Glibc
internal import NIOCore
internal import NIOPosix
package import Security
import Synchronization

/// Where a server listens.
package struct Endpoint: Sendable {
  package let host: String
  package let port: Int
  /// `nil` for clear text (h2c with prior knowledge).
  package let tls: TLSContext?

  package init(host: String, port: Int, tls: TLSContext?) {
    self.host = host
    self.port = port
    self.tls = tls
  }

  /// Reads "host:port" or "[address]:port".
  package init(_ text: String, tls: TLSContext?) throws(ConfigurationError) {
    guard let colon = text.lastIndex(of: ":"), colon > text.startIndex,
      let port = UInt16(text[text.index(after: colon)...]).map(Int.init)
    else { throw ConfigurationError("\"\(text)\" is not an address of the form host:port") }
    var host = String(text[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    self.init(host: host, port: port, tls: tls)
  }

  var isLoopback: Bool { host == "127.0.0.1" || host == "::1" || host == "localhost" }
}

/// The HTTP/2 side of a service: its listeners and the connections they accepted.
///
/// Every loop listens on every endpoint by itself (SO_REUSEPORT), so the kernel spreads
/// connections and no accepted socket changes threads.
package final class HTTPServer: Sendable {
  private let loops: Loops
  private let limits: ServerLimits
  private let hosts: [LoopBound<LoopHost>]
  private let gate: AcceptGate
  private let channels = Mutex<[any Channel]>([])

  /// Makes one `LoopService` on each loop with `makeService`, which runs there.
  package init(
    loops: Loops, grants: GrantTable, limits: ServerLimits, metrics: Metrics,
    degradation: Degradation? = nil, requestLog: RequestLog? = nil,
    makeService: @escaping @Sendable (Loop) throws -> any LoopService
  ) throws {
    self.loops = loops
    self.limits = limits
    gate = AcceptGate(limits, metrics: metrics)
    let degradation = degradation ?? Degradation(loops: loops.all.count)
    metrics.gauge(
      "citycode_degradation_level", "0 to 3: how much answers are cut because of load (D0 to D3)."
    ) { Double(degradation.level.rawValue) }
    hosts = try loops.all.map { loop in
      try loop.eventLoop.submit {
        LoopBound(
          LoopHost(
            loop: loop, service: try makeService(loop), grants: grants, limits: limits,
            degradation: degradation, metrics: metrics, requestLog: requestLog), on: loop)
      }.wait()
    }
    let gate = gate
    metrics.gauge("citycode_connections", "Connections open now.") { Double(gate.openCount) }
  }

  /// Starts listening; the port that was bound (of use when 0 was asked for).
  package func listen(_ endpoint: Endpoint) throws(ConfigurationError) -> Int {
    var port = endpoint.port
    if port != 0, !limits.sharesPort { try refuseSharedPort(endpoint) }
    for (index, loop) in loops.all.enumerated() {
      do {
        let channel = try bootstrap(loop, hosts[index], endpoint)
          .bind(host: endpoint.host, port: port).wait()
        port = channel.localAddress?.port ?? port
        channels.withLock { $0.append(channel) }
      } catch {
        throw Self.explain(error, endpoint.host, port)
      }
    }
    return port
  }

  private func bootstrap(
    _ loop: Loop, _ host: LoopBound<LoopHost>, _ endpoint: Endpoint
  ) -> ServerBootstrap {
    let gate = gate
    return ServerBootstrap(group: loop.eventLoop, childGroup: loop.eventLoop)
      .serverChannelOption(.backlog, value: 1_024)
      .serverChannelOption(.maxMessagesPerRead, value: UInt(AcceptPause.atOnceMax))
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(AcceptPause(gate, on: loop))
        }
      }
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelOption(
        ChannelOptions.Types.SocketOption(
          level: .socket, name: NIOBSDSocket.Option(rawValue: SO_REUSEPORT)), value: 1
      )
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.maxMessagesPerRead, value: 1)
      .childChannelOption(
        .writeBufferWaterMark, value: .init(low: 64 * 1_024, high: 256 * 1_024)
      )
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let address = channel.remoteAddress?.ipAddress ?? ""
          guard gate.enter(address) else {
            host.value.counters.refused.add()
            throw ConfigurationError("too many connections")
          }
          do {
            try channel.syncOptions?.setOption(
              .recvAllocator, value: ReadBufferAllocator(host.value.readBuffer))
            let tls = endpoint.tls.map { host.value.serverTLS ?? $0 }
            try channel.pipeline.syncOperations.addHandler(
              Connection(host: host.value, tls: tls) { gate.leave(address) })
          } catch {
            gate.leave(address)
            throw error
          }
        }
      }
  }

  /// SO_REUSEPORT would let a second service of the same user share the port and take some of
  /// its connections; a bind without it tells whether somebody listens already.
  private func refuseSharedPort(_ endpoint: Endpoint) throws(ConfigurationError) {
    do {
      try ServerBootstrap(group: loops.all[0].eventLoop)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .bind(host: endpoint.host, port: endpoint.port).wait().close().wait()
    } catch {
      throw Self.explain(error, endpoint.host, endpoint.port)
    }
  }

  static func explain(
    _ error: any Error, _ host: String, _ port: Int
  ) -> ConfigurationError {
    let reason = (error as? IOError).map { $0.errnoCode } ?? 0
    switch reason {
    case EADDRINUSE:
      return ConfigurationError(
        "port \(port) on \(host) is in use by another process: choose another port, or end that"
          + " process (`ss -ltnp 'sport = :\(port)'` shows it)")
    case EACCES:
      return ConfigurationError(
        "port \(port) on \(host) may not be opened by this user: ports below 1024 need"
          + " CAP_NET_BIND_SERVICE")
    case EADDRNOTAVAIL:
      return ConfigurationError("\(host) is not an address of this machine")
    default: return ConfigurationError("cannot listen on \(host):\(port): \(error)")
    }
  }

  /// Puts other grants, another certificate and, by `onLoop`, what is the service's own in the
  /// place of what there was; on each loop between two of its turns. Blocks until all have it.
  func replace(
    grants: GrantTable, tls: TLSContext?,
    onLoop: @escaping @Sendable (any LoopService) -> Void
  ) {
    let replaced = zip(loops.all, hosts).map { loop, host in
      let promise = loop.eventLoop.makePromise(of: Void.self)
      loop.execute {
        host.value.whenTurnEnds {
          host.value.replace(grants: grants, tls: tls)
          onLoop(host.value.service)
          promise.succeed(())
        }
      }
      return promise.futureResult
    }
    for future in replaced { try? future.wait() }
  }

  /// Waits without being told to hurry.
  package static func sleep(_ milliseconds: Int) -> Bool {
    System.sleep(milliseconds: UInt32(milliseconds))
    return false
  }

  /// Takes no new connections, tells open ones to leave, waits for their answers (bounded by
  /// `drainMilliseconds`), then closes what is left. `isHurried` is asked again and again, waits
  /// so many milliseconds at most, and by true ends the wait.
  package func drain(isHurried: (_ milliseconds: Int) -> Bool = HTTPServer.sleep) {
    for channel in channels.withLock({ $0 }) { try? channel.close().wait() }
    for (loop, host) in zip(loops.all, hosts) { loop.execute { host.value.drain() } }
    let deadline = System.monotonicNanoseconds + UInt64(limits.drainMilliseconds) * 1_000_000
    while gate.openCount > 0, System.monotonicNanoseconds < deadline {
      if isHurried(20) { break }
    }
    for (loop, host) in zip(loops.all, hosts) {
      try? loop.eventLoop.submit { host.value.closeAll() }.wait()
      // The turn in which that happened ends: what it served is handed over.
      try? loop.eventLoop.submit {}.wait()
    }
  }
}
