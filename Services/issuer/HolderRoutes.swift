import Codes
import Feed
import HTTP2
import IssuerCore
import JSON
import Security
import Server

/// Registering holders, reading and changing their statuses.
extension IssuerLoop {
  var holderRoutes: [Route] {
    [
      Route(.post, "/v1/holders", grant: Grant.register, bodyBytesMax: 8_192) { [self] exchange in
        exchange.answering { () throws(Problem) in try register(exchange) }
      },
      Route(.get, "/v1/holders/{}/status", grant: Grant.readStatus) { [self] exchange in
        exchange.answering { () throws(Problem) in try readStatus(exchange) }
      },
      Route(.post, "/v1/statuses", grant: Grant.readStatus, bodyBytesMax: 262_144) {
        [self] exchange in exchange.answering { () throws(Problem) in try readStatuses(exchange) }
      },
      Route(.put, "/v1/holders/{}/status", grant: Grant.writeStatus, bodyBytesMax: 8_192) {
        [self] exchange in exchange.answering { () throws(Problem) in try setStatus(exchange) }
      },
      Route(
        .post, "/v1/holders/{}/revocations", grant: Grant.writeStatus, bodyBytesMax: 8_192
      ) { [self] exchange in exchange.answering { () throws(Problem) in try killCodes(exchange) } },
    ]
  }

  // MARK: Registration

  private func register(_ exchange: Exchange) throws(Problem) {
    let json = try exchange.jsonObject(allowed: ["document", "kind", "guardian"])
    let document = try documentKey(json["document"], "document")
    guard let kindName = json["kind"]?.string, let kind = HolderKind(name: kindName),
      kind != .unspecified
    else {
      throw Problem.badRequest(
        "bad_kind", "\"kind\" must be resident, visitor, dependant or organisation.")
    }
    var guardian: Bytes16?
    if let json = json["guardian"] { guardian = try documentKey(json, "guardian") }
    guard (kind == .dependant) == (guardian != nil) else {
      throw Problem.badRequest(
        "guardian_mismatch", "A dependant needs a guardian, and nobody else may have one.")
    }
    let validUntil = now.advanced(bySeconds: Int64(issuer.statusValidDays) * 86_400)
    let principal = exchange.principal
    let order = Order(actor: "registration", authority: principal.name, ticket: "")
    try write(
      .register(document: document, kind: kind, guardian: guardian, statusValidUntil: validUntil),
      order, exchange
    ) { this, reply in
      guard case .registered(let serial, let isNew) = reply else { return nil }
      var json = JSONWriter()
      json.object {
        $0.field("handle", this.handles.handle(of: serial, in: principal.channel))
        $0.field("kind", kind.name)
        $0.field("new", isNew)
      }
      return (isNew ? 201 : 200, json.bytes)
    }
  }

  /// The storage key of a document given as {"type", "number"}; the number is not kept.
  private func documentKey(_ json: JSONValue?, _ member: String) throws(Problem) -> Bytes16 {
    guard let typeName = json?["type"]?.string, let number = json?["number"]?.string,
      let type = DocumentType(name: typeName)
    else {
      let names = DocumentType.allCases.map(\.name).joined(separator: ", ")
      throw Problem.badRequest(
        "bad_document", "\"\(member)\" must be {\"type\", \"number\"} with a type of \(names).")
    }
    do {
      return issuer.secret.key(of: try Document(type: type, text: number))
    } catch {
      throw Problem.badRequest(
        "bad_document", "The number of \"\(member)\" is not valid: \(error.name).")
    }
  }

  // MARK: Statuses

  private func readStatus(_ exchange: Exchange) throws(Problem) {
    let handle = String(decoding: exchange.parameter, as: UTF8.self)
    let status = try status(try holder(handle, for: exchange.principal), for: exchange)
    var json = JSONWriter()
    json.object { Self.write(handle, status, to: &$0) }
    exchange.respond(200, "application/json", json.bytes.span)
  }

  private func readStatuses(_ exchange: Exchange) throws(Problem) {
    guard exchange.hasContentType(.lines) else {
      throw .unsupportedMediaType("application/x-ndjson, a line {\"handle\": ...} per holder")
    }
    var json = JSONWriter()
    for (index, line) in exchange.request.body.split(separator: 0x0A).enumerated() {
      guard let handle = (try? JSONParser.parse(Array(line)))?["handle"]?.string else {
        throw .badRequest("malformed_line", "Line \(index + 1) is not {\"handle\": \"...\"}.")
      }
      do throws(Problem) {
        let status = try status(try holder(handle, for: exchange.principal), for: exchange)
        json.object { Self.write(handle, status, to: &$0) }
      } catch {
        guard error.status == 404 else { throw error }
        json.object {
          $0.field("handle", handle)
          $0.field("error", error.name)
        }
      }
      json.endLine()
    }
    exchange.respond(200, "application/x-ndjson", json.bytes.span)
  }

  private func setStatus(_ exchange: Exchange) throws(Problem) {
    let json = try exchange.jsonObject(
      allowed: ["colour", "reason", "valid_until", "flags", "actor", "ticket"])
    guard let colourName = json["colour"]?.string, let colour = Colour(name: colourName),
      colour != .none
    else { throw .badRequest("bad_colour", "\"colour\" must be green, yellow or red.") }
    guard let reason = try reason(json) else { throw Self.badReason }
    let flags = try flags(json)
    var validUntil: CityTime?
    if let text = json["valid_until"] {
      guard let time = text.string.flatMap({ CityTime(rfc3339: $0) }) else {
        throw .badRequest("bad_valid_until", "\"valid_until\" must be an RFC 3339 time.")
      }
      validUntil = time
    }
    try change(exchange, json) {
      .setStatus($0, colour: colour, reason: reason, validUntil: validUntil, flags: flags)
    }
  }

  private static let badReason = Problem.badRequest(
    "bad_reason", "\"reason\" must be a number of the reason table, 0 to 255.")

  private func reason(_ json: JSONValue) throws(Problem) -> UInt8? {
    guard let member = json["reason"] else { return nil }
    guard let number = member.integer, let reason = UInt8(exactly: number) else {
      throw Self.badReason
    }
    return reason
  }

  private func flags(_ json: JSONValue) throws(Problem) -> StatusFlags? {
    guard let member = json["flags"] else { return nil }
    var flags: StatusFlags = []
    let names = member.array?.map(\.string) ?? [nil]
    for name in names {
      switch name {
      case "suspended": flags.insert(.suspended)
      case "lost": flags.insert(.lost)
      default:
        throw .badRequest("bad_flags", "\"flags\" is an array of \"suspended\" and \"lost\".")
      }
    }
    return flags
  }

  private func killCodes(_ exchange: Exchange) throws(Problem) {
    let json = try exchange.jsonObject(allowed: ["reason", "actor", "ticket"])
    let reason = try reason(json)
    try change(exchange, json) { .killCodes($0, reason: reason) }
  }

  private func change(
    _ exchange: Exchange, _ json: JSONValue, _ action: (Serial) -> Command.Action
  ) throws(Problem) {
    let handle = String(decoding: exchange.parameter, as: UTF8.self)
    let serial = try holder(handle, for: exchange.principal)
    let order = try order(json, exchange.principal)
    try write(action(serial), order, exchange) { _, reply in
      guard case .changed(_, let status, let position) = reply else { return nil }
      var json = JSONWriter()
      json.object {
        Self.write(handle, status, to: &$0)
        $0.field("position", position)
      }
      return (200, json.bytes)
    }
  }

  private func order(_ json: JSONValue, _ principal: Principal) throws(Problem) -> Order {
    guard let actor = json["actor"]?.string, let ticket = json["ticket"]?.string,
      !actor.isEmpty, !ticket.isEmpty, Change.fits(actor), Change.fits(ticket)
    else {
      throw .badRequest(
        "order_incomplete",
        "A change needs \"actor\" and \"ticket\", 1 to \(Change.textByteCountMax) bytes each.")
    }
    return Order(actor: actor, authority: principal.name, ticket: ticket)
  }

  private static func write(_ handle: String, _ status: Status, to json: inout JSONWriter) {
    json.field("handle", handle)
    json.field("colour", status.colour.name)
    json.field("kind", status.kind.name)
    json.field("reason", status.reason)
    json.field("valid_until", status.validUntil.description)
    json.field("revision", status.revision)
    json.field(
      "flags",
      array: { flags in
        if status.flags.contains(.suspended) { flags.value("suspended") }
        if status.flags.contains(.lost) { flags.value("lost") }
      })
  }

  // MARK: Writing

  /// Hands a command to the ledger and answers when it is durable and in the cache.
  private func write(
    _ action: Command.Action, _ order: Order, _ exchange: Exchange,
    _ body: @escaping @Sendable (IssuerLoop, Reply) -> (Int, [UInt8])?
  ) throws(Problem) {
    let idempotency = try idempotency(exchange)
    guard let deferred = exchange.deferReply() else { return }
    let command = Command(action, order: order, idempotency: idempotency)
    let this = LoopBound(self, on: exchange.loop)
    let loop = exchange.loop
    issuer.ledger.submit(command) { result in
      loop.execute { this.value.answer(deferred, result, body) }
    }
  }

  private func answer(
    _ deferred: DeferredReply, _ result: Result<Reply, Problem>,
    _ body: (IssuerLoop, Reply) -> (Int, [UInt8])?
  ) {
    switch result {
    case .failure(let problem): deferred.respond(problem)
    case .success(.refused(let refusal)): deferred.respond(Self.problem(refusal))
    case .success(let reply):
      if let (status, bytes) = body(self, reply) {
        deferred.respond(status, "application/json", bytes)
      } else {
        deferred.respond(Problem(500, "unexpected_reply", "The ledger answered something else."))
      }
    }
  }

  /// The client's idempotency key bound to its name, with a fingerprint of what it asks for.
  private func idempotency(_ exchange: Exchange) throws(Problem) -> Idempotency? {
    guard let key = exchange.request.header("idempotency-key") else { return nil }
    guard 1...128 ~= key.count else {
      throw .badRequest("bad_idempotency_key", "An idempotency key has 1 to 128 bytes.")
    }
    let name = Array(exchange.principal.name.utf8)
    let keyDigest = SHA256.hash((name + [0] + key).span)
    let fingerprint = SHA256.hash((exchange.request.path + [0] + exchange.request.body).span)
    return Idempotency(
      key: Bytes16(keyDigest.bytes.span.extracting(first: 16)),
      fingerprint: Bytes16(fingerprint.bytes.span.extracting(first: 16)))
  }

  private static func problem(_ refusal: LedgerRefusal) -> Problem {
    switch refusal {
    case .unknownHolder: Problem(404, refusal.name, "No holder has this handle.")
    case .unknownGuardian:
      Problem(422, refusal.name, "The guardian is not registered: register the guardian first.")
    case .guardianIsDependant:
      Problem(422, refusal.name, "A dependant cannot be somebody's guardian.")
    case .idempotencyKeyReused:
      Problem(422, refusal.name, "This idempotency key was used for another request.")
    case .serialsUsedUp: Problem(507, refusal.name, "The region has no serials left.")
    }
  }
}
