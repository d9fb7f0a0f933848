internal import COpenSSL
internal import Synchronization

/// Session tickets that servers gave to a client context, by server name. Each is used once (RFC
/// 8446 §C.4) and by one session, which is what lets sessions on different loops share the store.
@safe
final class TicketStore: Sendable {
  private static let serversMax = 64
  private static let ticketsPerServerMax = 16

  /// Owns one reference to an `SSL_SESSION`. OpenSSL counts references atomically; this module
  /// reads and writes a session only through the one TLS session that took it out.
  @safe
  struct Ticket: ~Copyable, @unchecked Sendable {
    private let handle: OpaquePointer

    init(takingOwnershipOf handle: OpaquePointer) { unsafe self.handle = handle }

    func resume(in session: OpaquePointer) -> Bool {
      unsafe SSL_set_session(session, handle) == 1
    }

    deinit { unsafe SSL_SESSION_free(handle) }
  }

  private final class Entry: Sendable {
    let ticket: Ticket
    init(_ ticket: consuming Ticket) { self.ticket = ticket }
  }

  private let entries = Mutex<[String: [Entry]]>([:])

  func add(_ ticket: consuming Ticket, for serverName: String) {
    let entry = Entry(ticket)
    entries.withLock { entries in
      if entries[serverName] == nil, entries.count >= Self.serversMax { entries.removeAll() }
      var list = entries[serverName] ?? []
      if list.count >= Self.ticketsPerServerMax { list.removeFirst() }
      list.append(entry)
      entries[serverName] = list
    }
  }

  /// Lets `session` resume with the newest ticket for the server, if there is one.
  func resume(_ session: OpaquePointer, to serverName: String) {
    let handle = unsafe session
    entries.withLock { entries in
      guard let entry = entries[serverName]?.popLast() else { return }
      _ = unsafe entry.ticket.resume(in: handle)
    }
  }
}
