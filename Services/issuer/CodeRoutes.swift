import Codes
import HTTP2
import IssuerCore
import JSON
import QR
import Security
import Server

/// Making codes: one, a batch for offline showing, or one as a picture.
extension IssuerLoop {
  var codeRoutes: [Route] {
    [
      Route(.post, "/v1/codes", grant: Grant.issue, bodyBytesMax: 4_096) { [self] exchange in
        exchange.answering { () throws(Problem) in try issueOne(exchange) }
      },
      Route(.post, "/v1/codes/batch", grant: Grant.issue, bodyBytesMax: 4_096) {
        [self] exchange in exchange.answering { () throws(Problem) in try issueBatch(exchange) }
      },
    ]
  }

  private static let members = [
    "handle", "dependant", "lifetime_seconds", "valid_from", "scene_hint",
  ]

  private func issueOne(_ exchange: Exchange) throws(Problem) {
    let fieldsID = exchange.request.fieldsID
    if let known = knownIssue(fieldsID) {
      let body = exchange.request.body
      if let range = known.json.value(in: body.span) {
        return try issueAgain(exchange, handle: body.span.extracting(range))
      }
    }
    let json = try exchange.jsonObject(allowed: Self.members)
    let form = try CodeForm(exchange)
    let (serial, status) = try entitledHolder(json, exchange)
    let terms = try terms(json, count: 1)
    if case .json = form, json.members?.count == 1, prefixIsPlain,
      let handle = json["handle"]?.string,
      let repeated = RepeatedObject(exchange.request.body, varying: "handle", value: handle)
    {
      keep(KnownIssue(fieldsID: fieldsID, json: repeated))
    }
    let text = CodeText.encode(
      make(serial, status, exchange.principal, terms).span, prefix: issuer.codePrefix)
    switch form {
    case .json: respond(exchange, text: text, terms, status)
    case .text: exchange.respond(200, "text/plain", Array(text.utf8).span)
    case .picture(let kind, let pixels): try respond(exchange, picture: kind, pixels, text)
    }
  }

  /// Makes one code on the usual terms, as most are: without reading JSON or writing it anew.
  private func issueAgain(
    _ exchange: Exchange, handle: Span<UInt8>
  ) throws(Problem) {
    let serial = try holder(handle, for: exchange.principal)
    let status = try status(serial, for: exchange)
    guard status.kind != .dependant else { throw Self.guardianRequired }
    let terms = IssueTerms(validFrom: now, lifetimeSeconds: issuer.codeLifetimeSeconds)
    var code = Swift.exchange(&self.code, with: [])
    defer { self.code = code }
    code.removeAll(keepingCapacity: true)
    make(serial, status, exchange.principal, terms, into: &code)
    exchange.respond(200, "application/json") { answer in
      answer.append(contentsOf: "{\"code\":\"".utf8)
      if let prefix = issuer.codePrefix { answer.append(contentsOf: prefix.utf8) }
      Base32.encode(code.span, into: &answer)
      tails.append(terms, status, to: &answer)
    }
  }

  /// Whether JSON shows the code's prefix as it is.
  private var prefixIsPlain: Bool {
    issuer.codePrefix?.utf8.allSatisfy { 0x20...0x7E ~= $0 && $0 != 0x22 && $0 != 0x5C } ?? true
  }

  private static let guardianRequired = Problem(
    403, IssueRefusal.guardianRequired.rawValue,
    "This holder is a dependant: send the guardian's handle, and this one as \"dependant\".")

  private func respond(
    _ exchange: Exchange, text: String, _ terms: IssueTerms, _ status: Status
  ) {
    var json = JSONWriter(reserving: 256)
    json.object {
      $0.field("code", text)
      $0.field("valid_from", terms.validFrom.description)
      $0.field("valid_until", terms.end(of: 0).description)
      $0.field("kind", status.kind.name)
      $0.field("colour", status.colour.name)
    }
    exchange.respond(200, "application/json", json.bytes.span)
  }

  private func respond(
    _ exchange: Exchange, picture: CodeForm.Picture, _ pixels: Int, _ text: String
  ) throws(Problem) {
    guard let bytes = try? Self.draw(text, picture, pixels) else {
      throw .badRequest("bad_size", "The code needs more pixels than \(pixels).")
    }
    switch picture {
    case .svg: exchange.respond(200, "image/svg+xml", bytes.span)
    case .png: exchange.respond(200, "image/png", bytes.span)
    case .terminal: exchange.respond(200, "text/plain", bytes.span)
    }
  }

  private static func draw(
    _ text: String, _ picture: CodeForm.Picture, _ pixels: Int
  ) throws(QRError) -> [UInt8] {
    let symbol = try QRCode(text: text)
    switch picture {
    case .svg: return try symbol.svg(sizePixels: pixels)
    case .png: return try symbol.png(sizePixels: pixels)
    case .terminal: return Array(symbol.terminal().utf8)
    }
  }

  private func issueBatch(_ exchange: Exchange) throws(Problem) {
    let json = try exchange.jsonObject(allowed: Self.members + ["count"])
    guard let count = json["count"]?.integer else {
      throw .badRequest("bad_count", "\"count\" says how many codes are wanted.")
    }
    let (serial, status) = try entitledHolder(json, exchange)
    var terms = try terms(json, count: Int(clamping: count))
    var answer = JSONWriter(reserving: 160 * terms.count)
    answer.object {
      $0.field(
        "codes",
        array: { codes in
          for _ in 0..<terms.count {
            let code = make(serial, status, exchange.principal, terms)
            codes.object {
              $0.field("code", CodeText.encode(code.span, prefix: issuer.codePrefix))
              $0.field("valid_from", terms.validFrom.description)
              $0.field("valid_until", terms.end(of: 0).description)
            }
            terms.validFrom = terms.end(of: 0)
          }
        })
    }
    exchange.respond(200, "application/json", answer.bytes.span)
  }

  private func make(
    _ serial: Serial, _ status: Status, _ principal: Principal, _ terms: IssueTerms
  ) -> [UInt8] {
    var code: [UInt8] = []
    code.reserveCapacity(DynamicCode.byteCount)
    make(serial, status, principal, terms, into: &code)
    return code
  }

  private func make(
    _ serial: Serial, _ status: Status, _ principal: Principal, _ terms: IssueTerms,
    into code: inout [UInt8]
  ) {
    var nonce = Swift.exchange(&self.nonce, with: [])
    defer { self.nonce = nonce }
    nonce.removeAll(keepingCapacity: true)
    random.append(12, to: &nonce)
    codes.make(
      serial: serial, status: status, channel: principal.channel, terms: terms,
      nonce: Bytes12(nonce.span), into: &code)
    codesIssued.add()
  }

  /// The holder to make a code for, if this request may have it: a dependant's code goes to its
  /// guardian and to nobody else.
  private func entitledHolder(
    _ json: JSONValue, _ exchange: Exchange
  ) throws(Problem) -> (Serial, Status) {
    let principal = exchange.principal
    guard let handle = json["handle"]?.string else {
      throw .badRequest("bad_handle", "\"handle\" names the holder.")
    }
    let serial = try holder(handle, for: principal)
    let status = try status(serial, for: exchange)
    guard let dependantMember = json["dependant"] else {
      guard status.kind != .dependant else {
        throw Self.guardianRequired
      }
      return (serial, status)
    }
    let dependant = try holder(dependantMember.string ?? "", for: principal)
    let guardian: Serial?
    do { guardian = try registry.guardian(of: dependant) } catch {
      throw .busy("The registry cannot be read now.")
    }
    guard guardian == serial else {
      throw Problem(
        403, IssueRefusal.notGuardian.rawValue, "The holder is not this dependant's guardian.")
    }
    return (dependant, try self.status(dependant, for: exchange))
  }

  private func terms(_ json: JSONValue, count: Int) throws(Problem) -> IssueTerms {
    var terms = IssueTerms(
      validFrom: now, lifetimeSeconds: issuer.codeLifetimeSeconds, count: count)
    if let lifetime = json["lifetime_seconds"] {
      terms.lifetimeSeconds = Int(clamping: lifetime.integer ?? 0)
    }
    if let start = json["valid_from"] {
      guard let time = start.string.flatMap({ CityTime(rfc3339: $0) }) else {
        throw .badRequest("bad_valid_from", "\"valid_from\" must be an RFC 3339 time.")
      }
      terms.validFrom = time
    }
    if let hint = json["scene_hint"] {
      guard let number = hint.integer, 0...255 ~= number else {
        throw .badRequest("bad_scene_hint", "\"scene_hint\" must be a scene's number.")
      }
      terms.sceneHint = UInt8(number)
    }
    if let refusal = terms.refusal(at: now) {
      throw .badRequest(
        refusal.rawValue,
        "A code lives 15 to \(IssueTerms.lifetimeSecondsMax) seconds in steps of 15; a batch has"
          + " 1 to \(IssueTerms.countMax) codes, starts at most an hour ago and ends within 25"
          + " hours.")
    }
    return terms
  }
}

/// In what form a code is wanted: `?as=json|text|svg|png|terminal&size=240`.
private enum CodeForm {
  enum Picture {
    case svg
    case png
    case terminal
  }

  case json
  case text
  case picture(Picture, pixels: Int)

  init(_ exchange: Exchange) throws(Problem) {
    var pixels = 240
    if let size = exchange.queryValue("size") {
      guard let number = Int(size), 120...2_000 ~= number else {
        throw .badRequest("bad_size", "\"size\" is the width in pixels, 120 to 2000.")
      }
      pixels = number
    }
    switch exchange.queryValue("as") ?? "json" {
    case "json": self = .json
    case "text": self = .text
    case "svg": self = .picture(.svg, pixels: pixels)
    case "png": self = .picture(.png, pixels: pixels)
    case "terminal": self = .picture(.terminal, pixels: pixels)
    default: throw .badRequest("bad_form", "\"as\" must be json, text, svg, png or terminal.")
    }
  }
}

extension IssueTerms {
  /// When the code number `index` of the batch ends.
  func end(of index: Int) -> CityTime {
    validFrom.advanced(bySeconds: Int64((index + 1) * lifetimeSeconds))
  }
}
