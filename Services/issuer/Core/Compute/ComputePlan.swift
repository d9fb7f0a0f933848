package import Codes
package import Security

/// A checked plan: which raw records there are and how they make a colour.
package struct ComputePlan: Sendable {
  /// The plan's own name.
  package var name: String
  /// Of the plan's file, so that a generation can say what made it.
  package var digest: Digest
  /// The moment the windows of all rules end, a whole minute; records of later minutes are
  /// rejected.
  package var asOf: CityTime
  /// In which the plan's dates are meant and answers are written.
  package var secondsEast: Int32
  /// The share of a source's rows, 0 to 1, that may be rejected.
  package var rejectShareMax: Double
  /// At most 255.
  package var sources: [SourcePlan]
  /// Names by `Event.kind`. Of two events in one minute the later kind's is the later event.
  package var kinds: [String]
  /// Names by `Event.result`; 0 is "none". Of two events of one kind in one minute the later
  /// result's is the later event.
  package var results: [String]
  /// Names by area.
  package var areas: [String]
  /// The places and periods of all areas.
  package var areaParts: [AreaIndex.Part]
  /// The first that applies decides.
  package var rules: [Rule]
  /// What becomes of a holder to whom no rule applies.
  package var otherwise: Rule.Outcome
  /// The rules, compiled.
  package var program: RuleProgram
}

/// One source of raw records: files with the same columns from one department.
package struct SourcePlan: Sendable {
  /// Of the files' text.
  package enum Encoding: Sendable { case utf8, gb18030 }

  /// What stands in which column, by the column's name in the header.
  package struct Columns: Sendable {
    /// Without one all documents are resident identity numbers.
    package var documentType: String?
    package var document: String
    package var name: String?
    package var phone: String?
    package var kind: String?
    package var result: String?
    package var time: String
    package var place: String?
  }

  package var name: String
  /// Paths; relative ones begin at the plan's folder. Once loaded, patterns (`*`, `?`) have been
  /// expanded, in byte order. Ending in .gz or .zst they are compressed.
  package var files: [String]
  package var encoding: Encoding
  package var delimiter: UInt8
  package var columns: Columns
  /// The kind of all events, where there is no column for it.
  package var kind: UInt8?
  /// The spellings of document types, kinds and results in the files, the plan's own among them;
  /// after trimming, bytes as they are in UTF-8. An empty result is 0 unless it is listed.
  package var documentTypes: [String: DocumentType]
  package var kindSpellings: [String: UInt8]
  package var resultSpellings: [String: UInt8]
  /// Tried in order.
  package var timeFormats: [TimeFormat]
  /// In the plan's file, of each of `files` before patterns are expanded.
  package var fileLines: [Int]
}

/// How a time is written.
package enum TimeFormat: Sendable, Equatable {
  /// A pattern of `yyyy MM dd HH mm ss` and literal characters, in a zone so many seconds east.
  case pattern([UInt8], secondsEast: Int32)
  /// RFC 3339 with its own zone.
  case rfc3339
  /// Seconds or milliseconds since 1970.
  case unixSeconds, unixMilliseconds
}

/// What the rules make of one holder's events.
package struct Decision: Hashable, Sendable {
  package var colour: Colour
  /// Index into the region's reason table.
  package var reason: UInt8
  package var validUntil: CityTime
  /// Index of the rule that decided; `nil` for the default.
  package var rule: Int?

  package init(colour: Colour, reason: UInt8, validUntil: CityTime, rule: Int?) {
    self.colour = colour
    self.reason = reason
    self.validUntil = validUntil
    self.rule = rule
  }
}
