import Codes

/// One of the departments whose raw records a sample has: its files' form and what they say.
/// README.md in bench/bulk has the table in words.
package struct SampleSource: Sendable {
  /// How a source's files are packed.
  package enum Packing: String, Sendable {
    case plain = ""
    case gzip = ".gz"
    case zstd = ".zst"
  }

  enum Column {
    case documentType, document, name, phone, time, outcome, place
    case relation, hospital, temperature
  }

  /// How often a result (or kind) comes, of 10,000, and how it is spelt: the first mostly.
  struct Outcome {
    let share: UInt64
    let spellings: [[UInt8]]

    init(_ share: UInt64, _ spellings: String...) {
      self.share = share
      self.spellings = spellings.map { Array($0.utf8) }
    }
  }

  /// The folder's name, and the source's in plans.
  package let name: String
  /// Of all rows.
  package let percent: Int
  package var packing = Packing.plain
  package var isGB18030 = false
  var hasByteOrderMark = false
  var lineEnd: [UInt8] = [0x0A]
  var delimiter: UInt8 = 0x2C
  let columns: [Column]
  let header: String
  /// By the type's raw value; a type without a name is not in the source.
  var typeNames: [[UInt8]] = SampleSource.machineNames
  var outcomes: [Outcome] = []
  let times: [SampleTimeForm]
  var secondsEast: Int64 = 28_800
  /// Rows of places that are at high risk, of 10,000.
  var highRiskShare: UInt64 = 50
  /// Whether people without a resident's number come only by mistake.
  var isForResidents = false

  /// How many rows a file has at most.
  package var rowsPerFile: Int { packing == .plain ? 2_000_000 : 1_000_000 }

  private static let machineNames = names(
    "resident_id", "hk_macao_permit", "taiwan_permit", "passport")

  private static func names(_ names: String...) -> [[UInt8]] {
    [[]] + names.map { Array($0.utf8) } + [[]]
  }

  /// All sources, in the order of the plan.
  package static let all: [SampleSource] = [
    SampleSource(
      name: "nucleic-acid-tests", percent: 56,
      columns: [.documentType, .document, .name, .phone, .time, .place, .outcome],
      header: "document_type,document_number,name,phone,sampled_at,place,result",
      outcomes: [
        Outcome(9_970, "negative", "阴性"), Outcome(10, "positive", "阳性"),
        Outcome(20, "inconclusive", "可疑"),
      ],
      times: [.seconds, .slashMinutes, .rfc3339]),
    SampleSource(
      name: "quarantine-orders", percent: 1, isGB18030: true,
      columns: [.documentType, .document, .name, .phone, .outcome, .time, .place],
      header: "证件类型,证件号码,姓名,手机号,措施,开始时间,地区代码",
      typeNames: names("居民身份证", "港澳居民来往内地通行证", "台湾居民来往大陆通行证", "护照"),
      outcomes: [
        Outcome(4_500, "集中隔离"), Outcome(2_500, "居家隔离"), Outcome(3_000, "解除隔离"),
      ],
      times: [.seconds, .slashMinutes, .chineseDate]),
    SampleSource(
      name: "close-contacts", percent: 2, packing: .zstd,
      columns: [.document, .name, .phone, .relation, .time, .place],
      header: "document_number,name,phone,relation,contact_at,place",
      times: [.minutes, .compactMinutes, .rfc3339], isForResidents: true),
    SampleSource(
      name: "border-entries", percent: 3, packing: .gzip, lineEnd: [0x0D, 0x0A],
      columns: [.documentType, .document, .name, .phone, .time, .place],
      header: "type,number,name,phone,entered_at,place",
      typeNames: names("I", "H", "T", "P"),
      times: [.rfc3339, .seconds, .compactDate], secondsEast: 0, highRiskShare: 400),
    SampleSource(
      name: "risk-area-visits", percent: 20,
      columns: [.place, .time, .document, .documentType, .name, .phone],
      header: "place,arrived,document_number,document_type,name,phone",
      times: [.unixMilliseconds, .seconds, .rfc3339], highRiskShare: 200),
    SampleSource(
      name: "vaccination", percent: 10, packing: .gzip,
      columns: [.documentType, .document, .name, .phone, .time, .outcome, .place],
      header: "document_type,document_number,name,phone,vaccinated_on,dose,place",
      outcomes: [Outcome(6_000, "1"), Outcome(3_000, "2"), Outcome(1_000, "3")],
      times: [.date, .slashDate, .compactDate]),
    SampleSource(
      name: "fever-clinics", percent: 3, hasByteOrderMark: true,
      columns: [.documentType, .document, .name, .phone, .time, .outcome, .place, .hospital],
      header: "document_type,document_number,name,phone,seen_at,diagnosis,place,hospital",
      outcomes: [
        Outcome(9_500, "excluded", "排除"), Outcome(450, "suspected", "疑似"),
        Outcome(50, "confirmed", "确诊"),
      ],
      times: [.seconds, .slashMinutes, .rfc3339]),
    SampleSource(
      name: "self-declarations", percent: 5, packing: .zstd, delimiter: 0x7C,
      columns: [
        .time, .documentType, .document, .name, .phone, .outcome, .temperature, .place,
      ],
      header: "submitted_at|document_type|document_number|name|phone|symptoms|temperature|place",
      outcomes: [Outcome(9_600, "none"), Outcome(250, "fever"), Outcome(150, "cough")],
      times: [.unixSeconds, .seconds, .rfc3339]),
  ]

  /// How many of `records` rows this source has: its share, the first source also the rest.
  package func rowCount(ofRecords records: Int) -> Int {
    let own = records / 100 * percent + records % 100 * percent / 100
    guard name == SampleSource.all[0].name else { return own }
    return records
      - SampleSource.all.dropFirst().reduce(0) { $0 + $1.rowCount(ofRecords: records) }
  }

  /// The first line of every file.
  package var firstLine: [UInt8] {
    (hasByteOrderMark ? [0xEF, 0xBB, 0xBF] : []) + Array(header.utf8) + lineEnd
  }
}

/// The ways in which the sample's departments write a time.
enum SampleTimeForm {
  case seconds, slashMinutes, minutes, compactMinutes, rfc3339
  case date, slashDate, compactDate, chineseDate
  case unixSeconds, unixMilliseconds

  /// Appends the moment `unixSeconds` as read on a clock so many seconds east.
  func append(_ unixSeconds: Int64, secondsEast: Int64, to row: inout [UInt8]) {
    switch self {
    case .unixSeconds: return row.append(decimal: unixSeconds, digits: 10)
    case .unixMilliseconds:
      row.append(decimal: unixSeconds, digits: 10)
      return row.append(contentsOf: [0x30, 0x30, 0x30])
    default: break
    }
    let local = unixSeconds + secondsEast
    let second = local % 86_400
    appendDate(days: local / 86_400, to: &row)
    switch self {
    case .date, .slashDate, .compactDate, .chineseDate: return
    case .compactMinutes: break
    case .rfc3339: row.append(0x54)
    default: row.append(0x20)
    }
    row.append(decimal: second / 3_600, digits: 2)
    if self != .compactMinutes { row.append(0x3A) }
    row.append(decimal: second / 60 % 60, digits: 2)
    guard self == .seconds || self == .rfc3339 else { return }
    row.append(0x3A)
    row.append(decimal: second % 60, digits: 2)
    guard self == .rfc3339 else { return }
    if secondsEast == 0 { return row.append(0x5A) }
    row.append(0x2B)
    row.append(decimal: secondsEast / 3_600, digits: 2)
    row.append(contentsOf: [0x3A, 0x30, 0x30])
  }

  private func appendDate(days: Int64, to row: inout [UInt8]) {
    let (year, month, day) = SampleTimeForm.date(days: days)
    row.append(decimal: year, digits: 4)
    switch self {
    case .chineseDate: row.append(contentsOf: [0xE5, 0xB9, 0xB4])  // 年
    case .slashMinutes, .slashDate: row.append(0x2F)
    case .compactDate, .compactMinutes: break
    default: row.append(0x2D)
    }
    row.append(decimal: month, digits: 2)
    switch self {
    case .chineseDate: row.append(contentsOf: [0xE6, 0x9C, 0x88])  // 月
    case .slashMinutes, .slashDate: row.append(0x2F)
    case .compactDate, .compactMinutes: break
    default: row.append(0x2D)
    }
    row.append(decimal: day, digits: 2)
    if self == .chineseDate { row.append(contentsOf: [0xE6, 0x97, 0xA5]) }  // 日
  }

  /// The date `days` after 1970-01-01, counted in years that begin in March.
  private static func date(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let month = (5 * dayOfYear + 2) / 153
    return (
      yearOfEra + era * 400 + (month >= 10 ? 1 : 0), month < 10 ? month + 3 : month - 9,
      dayOfYear - (153 * month + 2) / 5 + 1
    )
  }
}

extension [UInt8] {
  /// Appends the last `digits` of `number`, which is not negative.
  mutating func append(decimal number: Int64, digits: Int) {
    if digits == 2 {
      let pair = UInt32(truncatingIfNeeded: number)
      append(0x30 + UInt8(truncatingIfNeeded: pair / 10 % 10))
      return append(0x30 + UInt8(truncatingIfNeeded: pair % 10))
    }
    append(addingCapacity: digits) { SampleNumbers.append(Int(number), digits: digits, to: &$0) }
  }
}
