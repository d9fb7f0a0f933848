import Codes
import HTTP2
import JSON
import Server
import StatusCache
import VerifierCore

/// `POST /v1/scans`, `POST /v1/scans/batch`, `GET /v1/scans/{receipt}`.
extension VerifierLoop {
  var scanRoutes: [Route] {
    [
      // Not `unowned`, which counts twice for each scan: the loop lives as long as the process.
      Route(.post, "/v1/scans", grant: Grant.scan, bodyBytesMax: 4_096) { [self] exchange in
        do throws(Problem) { try scan(exchange) } catch { exchange.respond(error) }
      },
      Route(.post, "/v1/scans/batch", grant: Grant.scan, bodyBytesMax: 262_144) {
        [unowned self] exchange in
        exchange.answering { () throws(Problem) in try scanBatch(exchange) }
      },
      Route(.get, "/v1/scans/{}", grant: Grant.readReceipt) { [unowned self] exchange in
        exchange.answering { () throws(Problem) in try readReceipt(exchange) }
      },
    ]
  }

  /// Most codes in one batch.
  static let batchMax = 256

  // MARK: One scan

  private func scan(_ exchange: Exchange) throws(Problem) {
    level = exchange.level
    let fieldsID = exchange.request.fieldsID
    let body = exchange.request.body
    if let known = knownScan(fieldsID) {
      if known.isText {
        decode(body.span)
        return try scan(exchange, known.context)
      }
      if let range = known.json?.value(in: body.span) {
        decode(body.span.extracting(range))
        return try scan(exchange, known.context)
      }
    }
    if exchange.hasContentType(.text) {
      let context = try textContext(exchange)
      keep(KnownScan(fieldsID: fieldsID, context: context))
      decode(body.span)
      return try scan(exchange, context)
    }
    guard exchange.hasContentType(.json) else {
      throw .unsupportedMediaType("text/plain (the scanned text) or application/json")
    }
    let json = try exchange.jsonObject(allowed: Self.members + ["code"])
    guard let text = json["code"]?.string else {
      throw .badRequest("bad_code", "\"code\" is the scanned text.")
    }
    let context = try jsonContext(json, exchange.principal)
    if let repeated = RepeatedObject(body, varying: "code", value: text) {
      keep(KnownScan(fieldsID: fieldsID, context: context, json: repeated))
    }
    decode(Array(text.utf8).span)
    try scan(exchange, context)
  }

  /// Scans the code in `code`.
  private func scan(_ exchange: Exchange, _ context: ScanContext) throws(Problem) {
    try refuseIfJournalIsBehind()
    guard let region = try begin(context, for: .request(exchange.reply)) else { return }
    // Answers that come later are of the level at which they were decided.
    let level = level
    let trace = exchange.traceHeaders
    guard let deferred = exchange.deferReply() else { return }
    askPartner(code, region, context, trace: trace) { [self] finding in
      if finding.verdict.outcome == .accepted, context.scene.once != .no {
        return claim(deferred, context, finding, level)
      }
      var answer: [UInt8] = []
      record(finding, context, WallClock.now(), level, to: &answer)
      journal.handOver()
      deferred.respond(200, "application/json", answer)
    }
  }

  /// Answers a scan of this turn, at once or after the journal's commit.
  func answer(
    _ reply: TurnReply, _ finding: Finding, _ context: ScanContext, _ now: Instant,
    _ level: DegradationLevel
  ) {
    if finding.verdict.outcome == .accepted, context.scene.once != .no {
      guard let deferred = reply.deferReply() else { return }
      return claim(deferred, context, finding, level)
    }
    reply.respond(200, "application/json") { record(finding, context, now, level, to: &$0) }
  }

  /// Decodes a scanned text into `code`, which stays empty if it is none.
  func decode(_ text: Span<UInt8>) {
    code.removeAll(keepingCapacity: true)
    if !CodeText.decode(text, into: &code) { code.removeAll() }
  }

  /// Writes the scan into the journal and its answer behind `answer`.
  func record(
    _ finding: Finding, _ context: ScanContext, _ now: Instant, _ level: DegradationLevel,
    to answer: inout [UInt8]
  ) {
    var receipt = Swift.exchange(&self.receipt, with: [])
    defer { self.receipt = receipt }
    receipt.removeAll(keepingCapacity: true)
    receipts.appendNext(at: now, to: &receipt)
    journal.append(receipt: receipt.span, finding, context)
    answers.append(
      finding, receipt: receipt.span, scene: context.scene, now: now, level: level, to: &answer)
    counters.count(finding.verdict.outcome, context)
  }

  func refuseIfJournalIsBehind() throws(Problem) {
    guard journal.hasRoom else {
      throw .busy("The scan journal cannot keep up or cannot be written; see /readyz.")
    }
  }

  // MARK: A code that counts once

  private func claim(
    _ deferred: DeferredReply, _ context: ScanContext, _ finding: Finding, _ level: DegradationLevel
  ) {
    let now = WallClock.now()
    claim(finding, context, now) { [self] finding, receipt in
      var answer: [UInt8] = []
      answers.append(
        finding, receipt: receipt.span, scene: context.scene, now: now, level: level, to: &answer)
      counters.count(finding.verdict.outcome, context)
      deferred.respond(200, "application/json", answer)
    } failure: { problem in
      deferred.respond(problem)
    }
  }

  /// Asks the journal's writer, which alone knows who came first, and answers after its commit.
  func claim(
    _ finding: Finding, _ context: ScanContext, _ now: Instant,
    completion: @escaping (Finding, [UInt8]) -> Void, failure: @escaping (Problem) -> Void
  ) {
    var receipt: [UInt8] = []
    claimReceipts.appendNext(at: now, to: &receipt)
    let claim = Claim(finding: finding, context: context, receipt: receipt)
    let handlers = LoopBound((completion, failure), on: loop)
    let loop = loop
    journal.submit(claim) { result in
      loop.execute {
        switch result {
        case .success(let outcome):
          var finding = finding
          finding.verdict.outcome = outcome
          handlers.value.0(finding, claim.receipt)
        case .failure(let problem): handlers.value.1(problem)
        }
      }
    }
  }

  // MARK: Batches

  private func scanBatch(_ exchange: Exchange) throws(Problem) {
    level = exchange.level
    try refuseIfJournalIsBehind()
    let context: ScanContext
    var bytes = exchange.request.body
    let texts: [Range<Int>]
    if exchange.hasContentType(.text) {
      context = try textContext(exchange)
      texts = Self.lines(of: bytes.span)
    } else if exchange.hasContentType(.json) {
      let json = try exchange.jsonObject(allowed: Self.members + ["codes"])
      context = try jsonContext(json, exchange.principal)
      guard let codes = json["codes"]?.array else {
        throw .badRequest("bad_codes", "\"codes\" is the array of the scanned texts.")
      }
      bytes = []
      texts = codes.map { code in
        let start = bytes.count
        bytes.append(contentsOf: (code.string ?? "").utf8)
        return start..<bytes.count
      }
    } else {
      throw .unsupportedMediaType("text/plain (a code a line) or application/json")
    }
    guard 1...Self.batchMax ~= texts.count else {
      throw .badRequest("bad_batch_size", "A batch has 1 to \(Self.batchMax) codes.")
    }
    // Before anything is claimed: a batch that cannot be read or answered must not count.
    try openCache()
    var deferred: DeferredReply?
    if context.scene.once != .no {
      deferred = exchange.deferReply()
      guard deferred != nil else { return }
    }
    let batch = ScanBatch(
      self, context, count: texts.count, deferred, trace: exchange.traceHeaders)
    do throws(Problem) {
      for text in texts { try batch.scan(bytes.span.extracting(text)) }
    } catch {
      guard let deferred else { throw error }
      return deferred.respond(error)
    }
    batch.finish(exchange)
  }

  /// The lines that are not empty.
  private static func lines(of text: Span<UInt8>) -> [Range<Int>] {
    var lines: [Range<Int>] = []
    lines.reserveCapacity(batchMax)
    var start = 0
    for index in 0...text.count where index == text.count || text[index] == 0x0A {
      if index > start { lines.append(start..<index) }
      start = index + 1
    }
    return lines
  }

  // MARK: What a scan is for

  static let members = ["scene", "point", "purpose", "business_number"]

  private func textContext(_ exchange: Exchange) throws(Problem) -> ScanContext {
    let request = exchange.request
    let headerNames = headerNames
    guard headerNames.contains(where: { request.withHeader($0.span) { _ in } != nil }) else {
      return try context(
        exchange.principal, scene: nil, point: nil, purpose: nil, businessNumber: nil)
    }
    func header(_ index: Int) -> String? {
      let name = headerNames[index]
      return request.withHeader(name.span) { value in
        String(validating: [UInt8](copying: value), as: UTF8.self) ?? ""
      }
    }
    return try context(
      exchange.principal, scene: header(0), point: header(1), purpose: header(2),
      businessNumber: header(3))
  }

  private func jsonContext(
    _ json: JSONValue, _ principal: Principal
  ) throws(Problem) -> ScanContext {
    for member in Self.members {
      if let value = json[member], value.string == nil {
        throw .badRequest("bad_\(member)", "\"\(member)\" must be a string.")
      }
    }
    return try context(
      principal, scene: json["scene"]?.string, point: json["point"]?.string,
      purpose: json["purpose"]?.string, businessNumber: json["business_number"]?.string)
  }

  private func context(
    _ principal: Principal, scene: String?, point: String?, purpose: String?,
    businessNumber: String?
  ) throws(Problem) -> ScanContext {
    let name = scene ?? principal.scenes.first { $0 != "*" } ?? ""
    guard principal.scenes.contains(name) || principal.scenes.contains("*") else {
      throw .forbidden("This principal may not scan for that scene; a scan names a scene.")
    }
    guard let scene = scenes[name] else {
      let known = scenes.keys.sorted().joined(separator: ", ")
      throw Problem(422, "unknown_scene", "There is no such scene here; known: \(known).")
    }
    let point = point ?? principal.point
    for text in [point, purpose ?? "", businessNumber ?? ""]
    where text.utf8.count > JournalEntry.textBytesMax {
      throw .badRequest(
        "text_too_long",
        "Point, purpose and business number have \(JournalEntry.textBytesMax) bytes at most.")
    }
    guard !point.isEmpty else {
      throw .badRequest("point_missing", "A scan names the point where it happens.")
    }
    return ScanContext(
      scene: scene, point: Array(point.utf8),
      operator: Array(principal.name.utf8.prefix(JournalEntry.textBytesMax)),
      purpose: Array((purpose ?? "").utf8), businessNumber: Array((businessNumber ?? "").utf8))
  }

  // MARK: Receipts

  private func readReceipt(_ exchange: Exchange) throws(Problem) {
    let text = String(decoding: exchange.parameter, as: UTF8.self)
    guard let receipt = Receipt(text: text) else {
      throw .badRequest("bad_receipt", "A receipt has 26 base32 characters.")
    }
    let name = String(
      decoding: exchange.principal.name.utf8.prefix(JournalEntry.textBytesMax), as: UTF8.self)
    guard let deferred = exchange.deferReply() else { return }
    parts.journal.find(receipt) { result in
      switch result {
      case .failure(let problem): deferred.respond(problem)
      case .success(let entry):
        guard let entry, entry.operator == name else {
          return deferred.respond(
            Problem(404, "unknown_receipt", "No scan of yours has this receipt here."))
        }
        deferred.respond(200, "application/json", Self.body(entry))
      }
    }
  }

  private static func body(_ entry: JournalEntry) -> [UInt8] {
    var json = JSONWriter(reserving: 512)
    json.object {
      $0.field("receipt", entry.receipt.text)
      $0.field("time", entry.time.description)
      $0.field("outcome", entry.outcome.name)
      $0.field("scene", entry.scene)
      $0.field("point", entry.point)
      $0.field("operator", entry.operator)
      $0.field("purpose", entry.purpose)
      $0.field("business_number", entry.businessNumber)
      $0.field("region", entry.region.description)
      if entry.status.exists { $0.field("colour", entry.status.colour.name) }
      $0.field("as_of", entry.asOf.description)
    }
    return json.bytes
  }
}
