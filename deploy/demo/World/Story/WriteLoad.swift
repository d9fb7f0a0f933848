import JSON
import Server
import Synchronization

/// Writers that change statuses as fast as the issuer acknowledges, until it is killed; then the
/// question whether everything acknowledged is there.
///
/// Each writer owns one holder and counts its writes in the status's reason, so a lost write
/// shows as a reason that is too low.
package final class WriteLoad: Sendable {
  private struct Writer {
    let handle: String
    /// The reason of the last write that was acknowledged; `nil` before the first.
    var acknowledged: Int?
    /// The write that had no answer when the issuer died, and its idempotency key.
    var open: (reason: Int, key: String)?
    /// The highest log position acknowledged.
    var position: Int64 = 0
    /// Writes acknowledged in this run.
    var count = 0
  }

  private let site: Site
  private let writers: Mutex<[Writer]>
  private let code = Mutex<String?>(nil)

  package init(site: Site, handles: [String]) {
    self.site = site
    writers = Mutex(handles.map { Writer(handle: $0) })
  }

  /// A code of the first holder, made before the kill.
  var codeBefore: String? { code.withLock { $0 } }

  /// Writes, kills the issuer after `delay`, and says how many writes it had acknowledged.
  package func run(killingAfter delay: Duration) async throws -> Int {
    let handles = writers.withLock { writers in
      for index in writers.indices { writers[index].count = 0 }
      return writers.map(\.handle)
    }
    let made = try await site.channel().code(of: handles[0])
    code.withLock { $0 = made }
    let client = try site.newClient("issuer", token: site.credentials.token(.authority))
    defer { client.close() }
    await withTaskGroup { group in
      for index in handles.indices {
        group.addTask { await self.write(index, Commission(client: client)) }
      }
      try? await Task.sleep(for: delay)
      await site.issuer.kill()
      await group.waitForAll()
    }
    site.forgetClients()
    return writers.withLock { $0.reduce(0) { $0 + $1.count } }
  }

  /// Writes until `isOver`; says how many writes the issuer acknowledged.
  package func run(until isOver: @escaping @Sendable () -> Bool) async throws -> Int {
    let client = try site.newClient("issuer", token: site.credentials.token(.authority))
    defer { client.close() }
    let count = writers.withLock { $0.count }
    await withTaskGroup { group in
      for index in 0..<count {
        group.addTask { await self.write(index, Commission(client: client), until: isOver) }
      }
    }
    return writers.withLock { $0.reduce(0) { $0 + $1.count } }
  }

  /// One writer; ends at the first write that is not acknowledged.
  private func write(
    _ index: Int, _ commission: Commission, until isOver: @Sendable () -> Bool = { false }
  ) async {
    for number in 1... {
      if isOver() { return }
      let (handle, reason, key) = writers.withLock { writers in
        let reason = ((writers[index].acknowledged ?? 0) + 1) % 256
        let key = "\(writers[index].handle)-\(number)-\(System.monotonicNanoseconds)"
        writers[index].open = (reason, key)
        return (writers[index].handle, reason, key)
      }
      let answer = try? await commission.answer(
        setting: "green", of: handle, reason: reason, idempotencyKey: key)
      guard let answer, answer.status == 200 else { return }
      writers.withLock { writers in
        writers[index].acknowledged = reason
        writers[index].open = nil
        writers[index].count += 1
        writers[index].position = answer.json["position"]?.integer ?? 0
      }
    }
  }

  /// After the restart: what was acknowledged is there, and repeating what was open is safe.
  package func check() async throws {
    let commission = try site.commission()
    let now = writers.withLock { $0 }
    let statuses = try await commission.statuses(of: now.map(\.handle))
    for (writer, status) in zip(now, statuses) {
      let reason = status["reason"]?.integer.map(Int.init)
      let allowed = [writer.acknowledged, writer.open?.reason]
      guard writer.acknowledged == nil || allowed.contains(reason) else {
        throw WorldError(
          "a write was lost: reason \(writer.acknowledged ?? 0) was acknowledged at position"
            + " \(writer.position), the issuer now says \(reason ?? -1)")
      }
    }
    for (index, writer) in now.enumerated() {
      guard let open = writer.open else { continue }
      let first = try await repeated(open, writer)
      let second = try await repeated(open, writer)
      guard first == second, first > writer.position else {
        throw WorldError("a repeated write was done twice: positions \(first) and \(second)")
      }
      writers.withLock { writers in
        writers[index].acknowledged = open.reason
        writers[index].open = nil
        writers[index].position = first
      }
    }
  }

  /// Sends an open write again; the position it has.
  private func repeated(
    _ open: (reason: Int, key: String), _ writer: Writer
  ) async throws -> Int64 {
    let answer = try await site.commission().set(
      "green", of: writer.handle, reason: open.reason, idempotencyKey: open.key)
    return answer["position"]?.integer ?? -1
  }
}
