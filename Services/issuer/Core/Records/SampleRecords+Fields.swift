import Codes

/// What stands in the fields of a sample's raw records.
extension SampleRecords {
  /// Appends one field of the person in `scratch`.
  func append(
    _ column: SampleSource.Column, _ row: Row, to output: inout [UInt8],
    _ random: inout SampleRandom, _ scratch: Scratch
  ) {
    switch column {
    case .documentType:
      if row.dirt == .unknownType {
        output.append(contentsOf: "other".utf8)
      } else {
        output.append(contentsOf: source.typeNames[Int(scratch.type.rawValue)])
      }
    case .document:
      switch row.dirt {
      case .nameSwapped: output.append(contentsOf: scratch.bytes[scratch.name])
      case .phoneSwapped: output.append(contentsOf: scratch.bytes[scratch.phone])
      default: appendDocument(row.dirt, to: &output, &random, scratch)
      }
    case .name:
      if row.dirt == .nameSwapped {
        output.append(contentsOf: scratch.bytes[scratch.document])
      } else {
        appendName(to: &output, &random, scratch)
      }
    case .phone:
      if row.dirt == .phoneSwapped {
        output.append(contentsOf: scratch.bytes[scratch.document])
      } else {
        appendPhone(row.dirt, to: &output, &random, scratch)
      }
    case .time: appendTime(row, to: &output)
    case .outcome: appendOutcome(row, to: &output)
    case .place: appendPlace(row, to: &output)
    case .relation, .hospital, .temperature: appendOther(column, to: &output, &random)
    }
  }

  // MARK: The document

  private func appendDocument(
    _ dirt: SampleDirt?, to output: inout [UInt8], _ random: inout SampleRandom,
    _ scratch: Scratch
  ) {
    let choice = random.next()
    let number = scratch.bytes[scratch.document]
    switch dirt {
    case .documentMissing: break
    case .blanks: appendBlanks(number, choice, to: &output)
    case .fullWidth: for byte in number { output.append(fullWidth: byte) }
    case .fifteenDigits:
      output.append(contentsOf: number.prefix(6))
      output.append(contentsOf: number.dropFirst(8).prefix(9))
    case .wrongCheckDigit:
      output.append(contentsOf: number.dropLast())
      let right = number.last == 0x58 ? 10 : Int(number.last ?? 0x30) - 0x30
      let wrong = (right + 1 + Int(choice % 10)) % 11
      output.append(wrong == 10 ? 0x58 : 0x30 + UInt8(wrong))
    default:
      output.append(contentsOf: number)
      if scratch.type == .residentID, number.last == 0x58, choice % 5 == 0 {
        output[output.count - 1] = 0x78
      }
    }
  }

  private func appendBlanks(
    _ number: ArraySlice<UInt8>, _ choice: UInt64, to output: inout [UInt8]
  ) {
    let wide: [UInt8] = [0xE3, 0x80, 0x80]
    switch choice % 5 {
    case 0:
      output.append(0x20)
      output.append(contentsOf: number)
    case 1:
      output.append(contentsOf: number)
      output.append(contentsOf: [0x20, 0x20])
    case 2:
      output.append(contentsOf: wide)
      output.append(contentsOf: number)
    case 3:
      output.append(contentsOf: number)
      output.append(contentsOf: wide)
    default:
      // As people read a number out: 310101 19900307 1234.
      output.append(contentsOf: number.prefix(6))
      output.append(0x20)
      output.append(contentsOf: number.dropFirst(6).prefix(8))
      output.append(0x20)
      output.append(contentsOf: number.dropFirst(14))
    }
  }

  // MARK: Name and phone

  private func appendName(
    to output: inout [UInt8], _ random: inout SampleRandom, _ scratch: Scratch
  ) {
    let name = scratch.bytes[scratch.name]
    let choice = random.next()
    guard choice % 100 == 0, name.first ?? 0 >= 0x80 else {
      return output.append(contentsOf: name)
    }
    // Behind the surname, one character of three bytes.
    output.append(contentsOf: name.prefix(3))
    output.append(contentsOf: choice >> 32 & 1 == 0 ? [0x20] : [0xE3, 0x80, 0x80])
    output.append(contentsOf: name.dropFirst(3))
  }

  private func appendPhone(
    _ dirt: SampleDirt?, to output: inout [UInt8], _ random: inout SampleRandom,
    _ scratch: Scratch
  ) {
    let phone = scratch.bytes[scratch.phone]
    let choice = random.next()
    if dirt == .documentMissing, choice >> 32 % 5 == 0 { return }
    switch choice % 100 {
    case 0..<2:
      output.append(contentsOf: "+86".utf8)
      output.append(contentsOf: phone)
    case 2:
      output.append(contentsOf: "+86 ".utf8)
      output.append(contentsOf: phone)
    case 3, 4:
      output.append(contentsOf: phone.prefix(3))
      output.append(choice >> 32 & 1 == 0 ? 0x20 : 0x2D)
      output.append(contentsOf: phone.dropFirst(3).prefix(4))
      output.append(choice >> 32 & 1 == 0 ? 0x20 : 0x2D)
      output.append(contentsOf: phone.dropFirst(7))
    default: output.append(contentsOf: phone)
    }
  }

  // MARK: What happened

  /// A number that a row and its contradiction share, whatever else is drawn for either.
  private func fact(_ row: Row, _ kind: UInt64) -> UInt64 {
    SampleRandom.mix(salt ^ SampleRandom.mix(UInt64(row.number) << 8 | kind))
  }

  /// Seconds since 1970 of what the row tells.
  private func time(_ row: Row) -> Int64 {
    let choice = fact(row, 1)
    if row.dirt == .future {
      return world.asOfUnixSeconds + 86_400 * Int64(1 + choice % 400)
        + Int64(choice >> 32 % 86_400)
    }
    let span = SampleRecords.windowSeconds - 86_400
    let progress = Int64(Double(span) * (Double(row.number) / Double(max(1, rowCount))))
    return world.asOfUnixSeconds - SampleRecords.windowSeconds + progress
      + Int64(choice % 86_400)
  }

  private func appendTime(_ row: Row, to output: inout [UInt8]) {
    if row.dirt == .impossibleTime {
      switch fact(row, 1) % 4 {
      case 0: output.append(contentsOf: "2020-02-30 10:00:00".utf8)
      case 1: output.append(contentsOf: "0000-00-00".utf8)
      case 2: output.append(contentsOf: "不详".utf8)
      default: break
      }
      return
    }
    let form =
      switch row.dirt {
      case .secondTimeForm: source.times[1]
      case .thirdTimeForm: source.times[2]
      default: source.times[0]
      }
    form.append(time(row), secondsEast: source.secondsEast, to: &output)
  }

  private func appendOutcome(_ row: Row, to output: inout [UInt8]) {
    if row.dirt == .unknownOutcome {
      output.append(contentsOf: "??".utf8)
      return
    }
    let choice = fact(row, 2)
    var rest = choice % 10_000
    var index = 0
    while rest >= source.outcomes[index].share {
      rest -= source.outcomes[index].share
      index += 1
    }
    if row.isContradicting { index = (index + 1) % source.outcomes.count }
    let spellings = source.outcomes[index].spellings
    let isSecond = spellings.count > 1 && choice >> 32 % 20 == 0
    output.append(contentsOf: spellings[isSecond ? 1 : 0])
  }

  private func appendPlace(_ row: Row, to output: inout [UInt8]) {
    var choice = fact(row, 3)
    // Where no result can differ the place does.
    if row.isContradicting, source.outcomes.isEmpty { choice = SampleRandom.mix(choice) }
    if choice % 10_000 < source.highRiskShare {
      output.append(decimal: world.places.highRisk(choice >> 16), digits: 6)
    } else if choice >> 16 & 0x7F != 0 {
      output.append(decimal: world.places.harmless(choice >> 24), digits: 6)
    }
  }

  private func appendOther(
    _ column: SampleSource.Column, to output: inout [UInt8], _ random: inout SampleRandom
  ) {
    let choice = random.next()
    switch column {
    case .relation:
      output.append(contentsOf: choice % 4 == 0 ? "colleague".utf8 : "household".utf8)
    case .temperature:
      output.append(contentsOf: "36.".utf8)
      output.append(decimal: Int64(choice % 10), digits: 1)
    default:
      output.append(contentsOf: "\"District ".utf8)
      output.append(decimal: Int64(choice % 16), digits: 2)
      output.append(contentsOf: ", Hospital No. ".utf8)
      output.append(decimal: Int64(choice >> 16 % 9 + 1), digits: 1)
      output.append(contentsOf: choice >> 32 % 4 == 0 ? ", \"\"East\"\" Wing\"".utf8 : "\"".utf8)
    }
  }
}

/// The places of a sample, six digits of GB/T 2260.
struct SamplePlaces: Sendable {
  private static let cities: [Int64] = [
    320_100, 320_500, 330_100, 330_200, 340_100, 370_200, 440_100, 440_300, 500_100, 510_100,
    610_100,
  ]
  private let home: [Int64]

  init(region: Region) {
    // One district of Shanghai is among those at risk.
    let city = Int64(region.number) / 10_000 * 10_000 + 100
    home = (1...16).map { city + $0 }.filter { $0 != 310_115 }
  }

  /// Districts that were at risk for a while or all the time.
  func highRisk(_ choice: UInt64) -> Int64 {
    switch choice % 8 {
    case 0: 420_100
    case 1...4: 420_101 + Int64(choice >> 8 % 17)
    case 5: 110_105
    case 6: 310_115
    default: 330_301 + Int64(choice >> 8 % 29)
    }
  }

  /// Seven of ten in the region's first city, others in cities nobody need fear.
  func harmless(_ choice: UInt64) -> Int64 {
    if choice % 10 < 7 { return home[Int(choice >> 8 % UInt64(home.count))] }
    let city = SamplePlaces.cities[Int(choice >> 8 % UInt64(SamplePlaces.cities.count))]
    return city + Int64(choice >> 32 % 9) + 1
  }
}

extension [UInt8] {
  /// Appends the full-width form (U+FF01 to U+FF5E) of a printable ASCII character.
  mutating func append(fullWidth byte: UInt8) {
    append(0xEF)
    append(byte < 0x60 ? 0xBC : 0xBD)
    append(byte < 0x60 ? byte + 0x60 : byte + 0x20)
  }
}
