import ArgumentParser
import Codes
import Logging
import Server
import StatusCache
import Storage

/// Gives an order to the running issuer, or carries it out when none is running.
struct GenerationDesk {
  let configuration: Configuration

  init(_ configuration: Configuration) { self.configuration = configuration }

  private static let pollMilliseconds: UInt32 = 20
  /// How many looks for an answer before looking whether the issuer still runs.
  private static let looksBetweenAttempts = 100

  /// Prints how it went; exit status 1 if it was not done.
  func give(_ order: GenerationOrder, command: String) throws {
    let answer = try carryOut(order)
    if answer.isDone { return System.writeOutput("\(answer.text)\n") }
    System.writeError("issuer \(command): \(answer.text)\n")
    throw ExitCode(1)
  }

  private func carryOut(_ order: GenerationOrder) throws -> GenerationAnswer {
    if let store = try ownStore() { return try run(order, store) }
    let mailbox = GenerationMailbox(
      GenerationDirectory(dataDirectory: try configuration.string("data_directory")))
    let name = try mailbox.leave(order)
    while true {
      for _ in 0..<Self.looksBetweenAttempts {
        if let answer = try mailbox.takeAnswer(name) { return answer }
        System.sleep(milliseconds: Self.pollMilliseconds)
      }
      guard let store = try ownStore() else { continue }
      if let answer = try mailbox.takeAnswer(name) { return answer }
      if try mailbox.takeBack(name) { return try run(order, store) }
      return try interrupted(store)
    }
  }

  /// The issuer's files, unless the issuer has them.
  private func ownStore() throws -> IssuerStore? {
    do { return try IssuerStore(configuration) } catch let error as StorageError
      where error.code == .writerExists
    {
      return nil
    }
  }

  private func run(_ order: GenerationOrder, _ store: IssuerStore) throws -> GenerationAnswer {
    try GenerationMailbox(store.generations).begin()
    try LogRecovery(store).run()
    let ledger = try LedgerWriter(
      registry: store.registry, cache: store.cache, key: store.sealerKey,
      log: LineLogHandler.logger("issuer", level: .warning))
    defer { ledger.close() }
    var control = try GenerationControl(store, ledger, configuration)
    control.pagesAtOnce = GenerationMerge.alone
    let outcome = try order.run(control)
    return GenerationAnswer(isDone: true, text: outcome.text)
  }

  /// The issuer ended with the order in its hands.
  private func interrupted(_ store: IssuerStore) throws -> GenerationAnswer {
    try LogRecovery(store).run()
    try GenerationMailbox(store.generations).begin()
    let state = try store.registry.generationState()
    return GenerationAnswer(
      isDone: false,
      text: "the issuer ended meanwhile; "
        + (state.inForce == 0
          ? "no computed generation is in force" : "generation \(state.inForce) is in force"))
  }
}

/// Writes a generation as CSV: one row a holder, in order of serials.
enum GenerationExport {
  static func write(_ pages: inout GenerationPages, to file: OutputFile) throws {
    try file.append(Array("serial,colour,reason,valid_until\n".utf8))
    var computed: [UInt8] = []
    var line: [UInt8] = []
    // Most holders share one of a few ends.
    var ends: [UInt32: [UInt8]] = [:]
    while !pages.isAtEnd {
      var serial = pages.position * StatusPage.statusCount
      try pages.read(256, into: &computed)
      line.removeAll(keepingCapacity: true)
      let bytes = computed.span
      for page in 0..<computed.count / StatusPage.byteCount {
        let start = page * StatusPage.byteCount
        let holders = bytes.extracting(start..<start + StatusPage.byteCount)
        for slot in 0..<StatusPage.statusCount {
          let status = StatusPage.status(holders, slot: slot)
          if status.exists { append(status, serial, &ends, to: &line) }
          serial += 1
        }
      }
      try file.append(line)
    }
    try pages.finish()
  }

  private static func append(
    _ status: Status, _ serial: Int, _ ends: inout [UInt32: [UInt8]], to line: inout [UInt8]
  ) {
    line.append(contentsOf: String(serial).utf8)
    line.append(UInt8(ascii: ","))
    line.append(contentsOf: status.colour.name.utf8)
    line.append(UInt8(ascii: ","))
    line.append(contentsOf: String(status.reason).utf8)
    line.append(UInt8(ascii: ","))
    let minutes = status.validUntil.minutes
    if ends[minutes] == nil { ends[minutes] = Array("\(status.validUntil)\n".utf8) }
    line.append(contentsOf: ends[minutes] ?? [])
  }
}
