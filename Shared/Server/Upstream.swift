package import HTTP2
internal import NIOCore
internal import NIOPosix
package import Security

/// Why a request to another service got no answer.
package enum UpstreamFailure: String, Error, Sendable {
  /// No connection could be made, or it ended before the answer.
  case unreachable
  /// The answer did not come in time; the stream is cancelled.
  case timedOut = "timed_out"
  /// The peer refused the stream, or went away; nothing was done.
  case refused
  /// More requests wait already than may.
  case busy
}

/// Another service's address, read from `https://host:port` or `http://host:port`.
package struct UpstreamURL: Sendable, Hashable {
  package let isTLS: Bool
  package let host: String
  package let port: Int

  package init(_ text: String) throws(ConfigurationError) {
    let complaint = ConfigurationError(
      "\"\(text)\" is not a URL of the form https://host:port")
    let rest: Substring
    if text.hasPrefix("https://") {
      isTLS = true
      rest = text.dropFirst(8)
    } else if text.hasPrefix("http://") {
      isTLS = false
      rest = text.dropFirst(7)
    } else {
      throw complaint
    }
    let trimmed = rest.hasSuffix("/") ? rest.dropLast() : rest
    guard let colon = trimmed.lastIndex(of: ":"), colon > trimmed.startIndex,
      let port = UInt16(trimmed[trimmed.index(after: colon)...]).map(Int.init), port > 0,
      !trimmed.contains("/"), !trimmed.contains("@")
    else { throw complaint }
    var host = String(trimmed[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    self.host = host
    self.port = port
  }

  package var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// What another service answered.
package struct UpstreamResponse: Sendable {
  package let status: Int
  package let contentType: String
  package let body: [UInt8]
}

/// One HTTP/2 connection to another service, kept open, on one event loop.
///
/// Made on first use and again after it ended, with a pause that doubles up to two seconds.
/// Every request ends: with an answer, or with an `UpstreamFailure` within its own time.
package final class Upstream {
  /// Called once for each request, on the loop.
  package typealias Completion = (Result<UpstreamResponse, UpstreamFailure>) -> Void

  private struct Waiting {
    let number: Int
    let method: HTTP2.Method
    let path: String
    let headers: [HeaderField]
    let body: [UInt8]
  }

  package let url: UpstreamURL
  private let loop: Loop
  private let tls: ClientTLS?
  private let requestsMax: Int
  private var connection: UpstreamConnection?
  private var isConnecting = false
  private var retryAtMilliseconds: UInt64 = 0
  private var pauseMilliseconds: UInt64 = 0
  private var nextNumber = 0
  private var silentTimeouts = 0
  private var completions: [Int: Completion] = [:]
  private var waiting: [Waiting] = []

  /// `tls` must be given when the URL is https.
  package convenience init(
    _ url: UpstreamURL, tls: TLSContext?, on loop: Loop, requestsMax: Int = 1_024
  ) {
    self.init(url, sharing: tls.map { ClientTLS($0) }, on: loop, requestsMax: requestsMax)
  }

  /// The same with what this service shows and trusts, which may change meanwhile.
  package init(
    _ url: UpstreamURL, sharing tls: ClientTLS?, on loop: Loop, requestsMax: Int = 1_024
  ) {
    precondition(!url.isTLS || tls != nil, "an https URL needs a TLS context")
    self.url = url
    self.loop = loop
    self.tls = url.isTLS ? tls : nil
    self.requestsMax = requestsMax
  }

  /// Sends a request; `completion` is called once, on the loop.
  package func send(
    _ method: HTTP2.Method, _ path: String, headers: [HeaderField] = [], body: [UInt8] = [],
    timeoutMilliseconds: Int, completion: @escaping Completion
  ) {
    guard completions.count < requestsMax else { return completion(.failure(.busy)) }
    let number = nextNumber
    nextNumber += 1
    completions[number] = completion
    let bound = LoopBound(self, on: loop)
    loop.schedule(afterMilliseconds: timeoutMilliseconds) { bound.value.timeOut(number) }
    let request = Waiting(
      number: number, method: method, path: path, headers: headers, body: body)
    waiting.append(request)
    sendWaiting()
  }

  /// Ends the connection; what waits fails as unreachable.
  package func close() {
    connection?.close()
    failWaiting(.unreachable)
  }

  /// Sends what waits as far as the peer takes streams; what is left goes as others end.
  func sendWaiting() {
    guard let connection, connection.isUsable else {
      if !waiting.isEmpty { connect() }
      return
    }
    let count = max(0, min(waiting.count, connection.streamsAvailable))
    let ready = Array(waiting.prefix(count))
    waiting.removeFirst(count)
    for request in ready { submit(request, to: connection) }
  }

  private func submit(_ request: Waiting, to connection: UpstreamConnection) {
    let isSubmitted = connection.submit(
      request.number, request.method, url, request.path, request.headers, request.body)
    if !isSubmitted { finish(request.number, .failure(.refused)) }
  }

  private func timeOut(_ number: Int) {
    guard completions[number] != nil else { return }
    waiting.removeAll { $0.number == number }
    connection?.cancel(number)
    finish(number, .failure(.timedOut))
    // A host that vanished sends no end; after two requests without a byte this gives it up.
    silentTimeouts += 1
    if silentTimeouts >= 2 {
      silentTimeouts = 0
      connection?.close()
    }
  }

  /// The peer sent something: it is there.
  func heard() { silentTimeouts = 0 }

  func finish(_ number: Int, _ result: Result<UpstreamResponse, UpstreamFailure>) {
    completions.removeValue(forKey: number)?(result)
  }

  /// Fails what has not been sent; what has is failed by the end of its own connection.
  private func failWaiting(_ failure: UpstreamFailure) {
    let requests = waiting
    waiting.removeAll()
    for request in requests { finish(request.number, .failure(failure)) }
  }

  // MARK: The connection

  private func connect() {
    guard !isConnecting else { return }
    let now = System.monotonicNanoseconds / 1_000_000
    guard now >= retryAtMilliseconds else { return failWaiting(.unreachable) }
    isConnecting = true
    let bound = LoopBound(self, on: loop)
    ClientBootstrap(group: loop.eventLoop)
      .connectTimeout(.milliseconds(1_000))
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let upstream = bound.value
          let connection = try UpstreamConnection(
            upstream: upstream, loop: upstream.loop, tls: upstream.tls?.current,
            serverName: upstream.url.host)
          try channel.pipeline.syncOperations.addHandler(connection)
        }
      }
      .connect(host: url.host, port: url.port)
      .whenFailure { _ in bound.value.connectFailed() }
  }

  private func connectFailed() {
    isConnecting = false
    pauseMilliseconds = min(max(50, pauseMilliseconds * 2), 2_000)
    retryAtMilliseconds = System.monotonicNanoseconds / 1_000_000 + pauseMilliseconds
    failWaiting(.unreachable)
  }

  func established(_ connection: UpstreamConnection) {
    isConnecting = false
    pauseMilliseconds = 0
    self.connection = connection
    sendWaiting()
  }

  func ended(_ connection: UpstreamConnection, wasEstablished: Bool, unanswered: [Int]) {
    if self.connection === connection { self.connection = nil }
    for number in unanswered { finish(number, .failure(.unreachable)) }
    if !wasEstablished { connectFailed() }
  }
}
