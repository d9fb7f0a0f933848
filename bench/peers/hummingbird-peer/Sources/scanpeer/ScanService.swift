import Crypto
import Foundation
import Synchronization

/// The JSON answer, with the members of CityCode's.
struct ScanAnswer: Encodable {
  struct Text: Encodable {
    var zh: String
    var en: String
  }

  var outcome: String
  var number: Int
  var text: Text
  var voice: String
  var receipt: String
  var scene = "health_gate"
  var region: String
  var colour: String?
  var kind: String?
  var reason: Int?
  var validUntil: String?
  var asOf: String
  var ageMilliseconds: Int
  var level = "D0"

  enum CodingKeys: String, CodingKey {
    case outcome, number, text, voice, receipt, scene, region, colour, kind, reason, level
    case validUntil = "valid_until"
    case asOf = "as_of"
    case ageMilliseconds = "age_ms"
  }
}

/// Opens codes and looks statuses up, as CityCode's verifier does, without a journal.
final class ScanService: Sendable {
  private static let names = ["none", "green", "yellow", "red"]
  private static let kinds = ["unspecified", "resident", "visitor", "dependant", "organisation"]
  private static let epochStart = 1_577_836_800.0
  private static let skewSeconds = 60

  private let keys: [UInt16: SymmetricKey]
  private let statuses: [UInt64: UInt64]
  private let asOf: Date
  private let counter = Atomic<UInt64>(0)
  private let process = UInt32.random(in: .min ... .max)

  /// `keys` by the epoch as a code carries it; statuses for serials 1...people, all green.
  init(keys: [UInt16: SymmetricKey], people: Int) {
    self.keys = keys
    asOf = Date()
    let now = Int(asOf.timeIntervalSince1970 - Self.epochStart)
    let green = UInt64(1 | 1 << 2) | UInt64(now / 60 + 30 * 1_440) << 16
    var statuses: [UInt64: UInt64] = [:]
    statuses.reserveCapacity(people)
    if people > 0 {
      for serial in 1...UInt64(people) { statuses[serial] = green }
    }
    self.statuses = statuses
  }

  /// The answer to one scanned text.
  func scan(_ text: String) -> ScanAnswer {
    let now = Date()
    guard let code = Base32.decode(text), code.count == 50, code[0] == 1 else {
      return answer("malformed", 12, "", now)
    }
    let region = String(number(code[1..<4]))
    guard let key = keys[UInt16(number(code[4..<6]))] else {
      return answer("unknown_key", 11, region, now)
    }
    guard
      let nonce = try? AES.GCM.Nonce(data: code[6..<18]),
      let box = try? AES.GCM.SealedBox(
        nonce: nonce, ciphertext: code[18..<34], tag: code[34..<50]),
      let opened = try? AES.GCM.open(box, using: key, authenticating: code[0..<18])
    else { return answer("forged", 13, region, now) }
    let claims = [UInt8](opened)
    let serial = number(claims[0..<5])
    let validFrom = Int(number(claims[5..<9]))
    let validUntil = validFrom + Int(claims[9]) * 15
    let revision = number(claims[14..<16])
    let second = Int(now.timeIntervalSince1970 - Self.epochStart)
    if second - validFrom < -Self.skewSeconds { return answer("not_yet_valid", 4, region, now) }
    if second - validUntil >= Self.skewSeconds { return answer("code_expired", 3, region, now) }
    guard let status = statuses[serial] else { return answer("unknown_holder", 10, region, now) }
    let outcome: (String, Int) =
      if status >> 40 & 0xFFFF != revision {
        ("killed", 6)
      } else if status >> 5 & 3 != 0 {
        ("suspended", 7)
      } else if second >= Int(status >> 16 & 0xFF_FFFF) * 60 {
        ("status_expired", 2)
      } else if status & 3 != 1 {
        ("colour", 1)
      } else {
        ("accepted", 0)
      }
    var answer = answer(outcome.0, outcome.1, region, now)
    answer.colour = Self.names[Int(status & 3)]
    answer.kind = Self.kinds[min(Int(status >> 2 & 7), 4)]
    answer.reason = Int(status >> 8 & 0xFF)
    answer.validUntil = Date(
      timeIntervalSince1970: Self.epochStart + Double(status >> 16 & 0xFF_FFFF) * 60
    ).formatted(.iso8601)
    return answer
  }

  private func answer(
    _ outcome: String, _ number: Int, _ region: String, _ now: Date
  ) -> ScanAnswer {
    let count = counter.add(1, ordering: .relaxed).newValue
    let milliseconds = UInt64((now.timeIntervalSince1970 - Self.epochStart) * 1_000)
    var receipt: [UInt8] = []
    receipt.reserveCapacity(16)
    for shift in stride(from: 40, through: 0, by: -8) {
      receipt.append(UInt8(truncatingIfNeeded: milliseconds >> UInt64(shift)))
    }
    for shift in stride(from: 24, through: 0, by: -8) {
      receipt.append(UInt8(truncatingIfNeeded: process >> UInt32(shift)))
    }
    for shift in stride(from: 40, through: 0, by: -8) {
      receipt.append(UInt8(truncatingIfNeeded: count >> UInt64(shift)))
    }
    return ScanAnswer(
      outcome: outcome, number: number,
      text: .init(
        zh: outcome == "accepted" ? "通过" : "未通过",
        en: outcome == "accepted" ? "Accepted" : "Refused: \(outcome)"),
      voice: "scan.\(outcome)", receipt: Base32.encode(receipt), region: region,
      asOf: asOf.formatted(.iso8601.time(includingFractionalSeconds: true)),
      ageMilliseconds: Int(now.timeIntervalSince(asOf) * 1_000))
  }

  private func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }
}
