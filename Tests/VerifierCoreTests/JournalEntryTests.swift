import Codes
import Support
import Testing
import VerifierCore

@Suite struct JournalEntryTests {
  private func text(_ random: inout SplitMix) -> String {
    let pieces = ["", "a", "门", "gate-", "挂号", "\u{1F600}", "\"", "\\", "\u{0}", "7"]
    var text = ""
    for _ in 0..<random.below(12) {
      let piece = random.pick(pieces)
      if text.utf8.count + piece.utf8.count <= JournalEntry.textBytesMax { text += piece }
    }
    return text
  }

  /// A finding as `ScanRules` makes it, by deciding a scan.
  private func finding(_ stage: Stage, _ random: inout SplitMix) -> Finding {
    let scan = Scan().with {
      $0.serial = Serial(unchecked: 1 + random.next() % Serial.max.value)
      $0.status = Status(bits: random.next())
      if random.once(in: 3) { $0.damage = .bit(399) }
    }
    guard case .home(let verdict) = stage.decide(scan) else { preconditionFailure("home code") }
    return Finding(
      verdict, region: random.pick([Scan.home, Scan.partner]),
      asOf: Instant(milliseconds: random.next() >> 20))
  }

  @Test("an entry reads back as it was written, one behind the other")
  func roundTrip() throws {
    var random = SplitMix(of: "journal round trip")
    let stage = Stage()
    var journal: [UInt8] = []
    var written: [JournalEntry] = []
    for number in 0..<300 {
      let finding = finding(stage, &random)
      let receipt = Receipt(Bytes16(random.bytes(16).span))
      let texts = (0..<4).map { _ in text(&random) }
      let context = ScanContext(
        scene: Scan.gate(), point: Array(texts[0].utf8), operator: Array(texts[1].utf8),
        purpose: Array(texts[2].utf8), businessNumber: Array(texts[3].utf8))
      let receiptBytes = receipt.bytes.bytes
      journal.appendJournalEntry(receipt: receiptBytes.span, finding, context)
      let verdict = finding.verdict
      var offset = written.isEmpty ? 0 : journal.count - entryByteCount(texts)
      let entry = try #require(JournalEntry.read(journal.span, at: &offset), "entry \(number)")
      #expect(entry.receipt == receipt)
      #expect(entry.outcome == verdict.outcome)
      #expect(entry.serial == verdict.serial)
      #expect(entry.nonce == verdict.nonce)
      #expect(entry.status == verdict.status)
      #expect(entry.asOf == finding.asOf)
      #expect(entry.region == finding.region)
      #expect(entry.scene == "health_gate")
      #expect([entry.point, entry.operator, entry.purpose, entry.businessNumber] == texts)
      written.append(entry)
    }
    var offset = 0
    for entry in written { #expect(JournalEntry.read(journal.span, at: &offset) == entry) }
    #expect(offset == journal.count)
    #expect(JournalEntry.read(journal.span, at: &offset) == nil)
  }

  private func entryByteCount(_ texts: [String]) -> Int {
    2 + 53 + 5 + "health_gate".utf8.count + texts.reduce(0) { $0 + $1.utf8.count }
  }

  @Test("an entry's time is its receipt's")
  func time() throws {
    var receipt: [UInt8] = []
    var source = ReceiptSource(process: 1, loop: 0)
    let now = Instant(milliseconds: 217_000_000_123)
    source.appendNext(at: now, to: &receipt)
    var offset = 0
    let entry = try #require(JournalEntry.read(example(receipt).span, at: &offset))
    #expect(entry.time == now)
  }

  private func example(_ receipt: [UInt8] = [UInt8](repeating: 3, count: 16)) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendJournalEntry(
      receipt: receipt.span,
      Finding(.refused(.forged), region: Scan.home, asOf: Instant(Scan.noon)),
      ScanContext(scene: Scan.gate(), point: Array("gate-1".utf8), operator: Array("op".utf8)))
    return bytes
  }

  @Test("no shorter text is an entry, and a refusal does not move the offset")
  func cuts() {
    let whole = example()
    for count in 0..<whole.count {
      var offset = 0
      let cut = Array(whole.prefix(count))
      #expect(JournalEntry.read(cut.span, at: &offset) == nil, "\(count)")
      #expect(offset == 0)
    }
  }

  @Test("random bytes and damaged entries never stop the reader and never lead it outside")
  func fuzz() {
    var random = SplitMix(of: "journal fuzz")
    for _ in 0..<20_000 {
      var bytes = random.once(in: 2) ? example() + example() : random.bytes(random.below(200))
      for _ in 0..<random.below(4) where !bytes.isEmpty {
        bytes[random.below(bytes.count)] = UInt8(random.below(256))
      }
      if random.once(in: 3) { bytes = Array(bytes.prefix(random.below(bytes.count + 1))) }
      var offset = 0
      while true {
        let before = offset
        guard JournalEntry.read(bytes.span, at: &offset) != nil else { break }
        #expect(offset > before && offset <= bytes.count)
      }
    }
  }
}
