package import Codes

/// What the journal keeps of one scan.
///
/// Layout: total length (2 bytes, big-endian, itself not counted), receipt 16, outcome 1, serial
/// 5, nonce 12, status 8, as-of 8 (milliseconds), region 3, then five texts with one length byte
/// each: scene, point, operator, purpose, business number.
package struct JournalEntry: Sendable, Equatable {
  package var receipt: Receipt
  package var outcome: Outcome
  /// `nil` if the code could not be opened here.
  package var serial: Serial?
  package var nonce: Bytes12?
  package var status: Status
  package var asOf: Instant
  /// The region whose verifier decided.
  package var region: Region
  package var scene: String
  package var point: String
  package var `operator`: String
  package var purpose: String
  package var businessNumber: String

  /// When the scan happened.
  package var time: Instant {
    Instant(milliseconds: receipt.bytes.bytes.span.bigEndianNumber(at: 0, byteCount: 6))
  }

  /// Longest text an entry keeps, in bytes; requests with longer ones are refused.
  package static let textBytesMax = 64

  static let fixedByteCount = 16 + 1 + 5 + 12 + 8 + 8 + 3

  /// Reads the entry at `offset` and moves behind it; `nil` if the bytes are not an entry.
  package static func read(_ bytes: Span<UInt8>, at offset: inout Int) -> JournalEntry? {
    guard offset + 2 <= bytes.count else { return nil }
    let length = Int(bytes.bigEndian(at: offset, as: UInt16.self))
    let start = offset + 2
    guard length >= fixedByteCount + 5, start + length <= bytes.count else { return nil }
    guard let outcome = Outcome(rawValue: bytes[start + 16]),
      let region = Region(UInt32(bytes.bigEndianNumber(at: start + 50, byteCount: 3)))
    else { return nil }
    var position = start + fixedByteCount
    var texts: [String] = []
    for _ in 0..<5 {
      guard position < start + length else { return nil }
      let end = position + 1 + Int(bytes[position])
      guard end <= start + length else { return nil }
      texts.append(
        String(decoding: [UInt8](copying: bytes.extracting((position + 1)..<end)), as: UTF8.self))
      position = end
    }
    guard position == start + length else { return nil }
    offset = position
    let nonce = Bytes12(bytes.extracting((start + 22)..<(start + 34)))
    let serial = Serial(bytes.bigEndianNumber(at: start + 17, byteCount: 5))
    return JournalEntry(
      receipt: Receipt(Bytes16(bytes.extracting(start..<(start + 16)))), outcome: outcome,
      serial: serial, nonce: serial == nil ? nil : nonce,
      status: Status(bits: bytes.bigEndian(at: start + 34)),
      asOf: Instant(milliseconds: bytes.bigEndian(at: start + 42)), region: region,
      scene: texts[0], point: texts[1], operator: texts[2], purpose: texts[3],
      businessNumber: texts[4])
  }
}

/// What the request says of a scan: scene, place and purpose. Made once for a gate whose scans are
/// all alike.
package final class ScanContext: Sendable {
  package let scene: Scene
  /// The scene's, for what counts by scene and need not look at it.
  package let sceneNumber: Int
  package let point: [UInt8]
  /// How a journal entry ends: the five texts with their length bytes.
  let journalTexts: [UInt8]

  package init(
    scene: Scene, point: [UInt8], operator: [UInt8], purpose: [UInt8] = [],
    businessNumber: [UInt8] = []
  ) {
    self.scene = scene
    sceneNumber = Int(scene.number)
    self.point = point
    var texts: [UInt8] = []
    for text in [Array(scene.name.utf8), point, `operator`, purpose, businessNumber] {
      texts.append(UInt8(text.count))
      texts.append(contentsOf: text)
    }
    journalTexts = texts
  }
}

extension Array where Element == UInt8 {
  /// Appends a journal entry without making strings; `receipt` holds 16 bytes.
  package mutating func appendJournalEntry(
    receipt: Span<UInt8>, _ finding: Finding, _ context: ScanContext
  ) {
    let verdict = finding.verdict
    let length = JournalEntry.fixedByteCount + context.journalTexts.count
    // One reservation for the fixed part: this runs for every scan.
    append(addingCapacity: 2 + JournalEntry.fixedByteCount) { output in
      output.appendBigEndian(UInt64(length), byteCount: 2)
      for index in 0..<16 { output.append(receipt[index]) }
      output.append(verdict.outcome.rawValue)
      output.appendBigEndian(verdict.serial?.value ?? 0, byteCount: 5)
      let nonce = verdict.nonce?.words ?? (0, 0)
      output.appendBigEndian(nonce.0, byteCount: 8)
      output.appendBigEndian(nonce.1, byteCount: 4)
      output.appendBigEndian(verdict.status.bits, byteCount: 8)
      output.appendBigEndian(finding.asOf.milliseconds, byteCount: 8)
      output.appendBigEndian(UInt64(finding.region.number), byteCount: 3)
    }
    append(contentsOf: context.journalTexts)
  }
}
