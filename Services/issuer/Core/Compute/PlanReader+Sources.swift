import Codes
import YAML

extension PlanReader {
  mutating func sources(_ node: YAMLNode) -> [SourcePlan] {
    var sources: [SourcePlan] = []
    let items = list(node, "sources")
    if items.isEmpty { fault(node, "a plan needs at least one source") }
    if items.count > 255 { fault(node, "there are \(items.count) sources: at most 255 can be") }
    for item in items.prefix(255) {
      guard let source = source(item) else { continue }
      if sources.contains(where: { $0.name == source.name }) {
        fault(item, "there are two sources \"\(source.name)\"")
      }
      sources.append(source)
    }
    return sources
  }

  private mutating func source(_ node: YAMLNode) -> SourcePlan? {
    let map = map(
      node, "a source",
      keys: [
        "name", "files", "encoding", "delimiter", "columns", "kind", "document_types", "kinds",
        "results", "times", "time_zone",
      ])
    let name = required(map, "name").flatMap { text($0, "a source's name") }
    let files = required(map, "files").map { self.files($0) } ?? []
    let columns = required(map, "columns").flatMap { self.columns($0) }
    let zone = map["time_zone"].flatMap { self.zone($0) } ?? secondsEast
    let times = required(map, "times").map { self.times($0, secondsEast: zone) } ?? []
    let encoding = map["encoding"].map { self.encoding($0) } ?? .utf8
    let delimiter = map["delimiter"].map { self.delimiter($0) } ?? UInt8(ascii: ",")
    let kind = map["kind"].flatMap { index($0, "kind", of: kinds) }
    let documentTypes = self.documentTypes(map["document_types"], columns)
    let kindSpellings = spellings(map["kinds"], "kind", of: kinds)
    let resultSpellings = spellings(map["results"], "result", of: results)
    guard let name, let columns else { return nil }
    check(map, columns)
    return SourcePlan(
      name: name, files: files.map(\.text), encoding: encoding, delimiter: delimiter,
      columns: columns, kind: kind, documentTypes: documentTypes, kindSpellings: kindSpellings,
      resultSpellings: resultSpellings, timeFormats: times, fileLines: files.map(\.line))
  }

  private mutating func files(_ node: YAMLNode) -> [(text: String, line: Int)] {
    let items = items(node)
    if items.isEmpty { fault(node, "a source needs at least one file") }
    var files: [(text: String, line: Int)] = []
    for item in items {
      guard let path = text(item, "a file") else { continue }
      let folder = path.lastIndex(of: "/").map { path[..<$0] } ?? ""
      if folder.contains("*") || folder.contains("?") {
        fault(item, "* and ? are taken in a file's name only, not in its folder's: \"\(path)\"")
      } else if path.hasSuffix("/") {
        fault(item, "\"\(path)\" is a folder: write \"\(path)*\" for all files in it")
      } else {
        files.append((path, item.line))
      }
    }
    return files
  }

  private mutating func columns(_ node: YAMLNode) -> SourcePlan.Columns? {
    let keys = ["document_type", "document", "name", "phone", "kind", "result", "time", "place"]
    let map = map(node, "the map of columns", keys: keys)
    var columns: [String: String] = [:]
    for key in keys {
      guard let node = map[key], let header = text(node, "a column's header") else { continue }
      if let other = columns.first(where: { $0.value == header }) {
        fault(node, "the column \"\(header)\" cannot be both \(other.key) and \(key)")
      }
      columns[key] = header
    }
    _ = required(map, "document")
    _ = required(map, "time")
    guard let document = columns["document"], let time = columns["time"] else { return nil }
    if (columns["name"] == nil) != (columns["phone"] == nil) {
      fault(node, "holders are found by name and phone together: give both columns or neither")
    }
    return SourcePlan.Columns(
      documentType: columns["document_type"], document: document, name: columns["name"],
      phone: columns["phone"], kind: columns["kind"], result: columns["result"], time: time,
      place: columns["place"])
  }

  /// What belongs together in one source.
  private mutating func check(_ map: PlanMap, _ columns: SourcePlan.Columns) {
    if map["kind"] == nil, columns.kind == nil {
      fault(map.node, "a source has either \"kind\" or a column \"kind\": this one has neither")
    }
    if let node = map["kind"], columns.kind != nil {
      fault(node, "a source has either \"kind\" or a column \"kind\": this one has both")
    }
    for (key, column, header) in [
      ("kinds", "kind", columns.kind), ("results", "result", columns.result),
      ("document_types", "document_type", columns.documentType),
    ] where header == nil {
      guard let node = map[key] else { continue }
      fault(node, "\"\(key)\" spells a column \"\(column)\", which this source does not have")
    }
  }

  private mutating func times(_ node: YAMLNode, secondsEast: Int32) -> [TimeFormat] {
    let items = items(node)
    if items.isEmpty { fault(node, "a source needs at least one time format") }
    var formats: [TimeFormat] = []
    for item in items {
      guard let format = timeFormat(item, secondsEast: secondsEast) else { continue }
      if formats.contains(format) { fault(item, "this time format stands twice") }
      formats.append(format)
    }
    return formats
  }

  private mutating func encoding(_ node: YAMLNode) -> SourcePlan.Encoding {
    switch node.text?.lowercased() {
    case "utf-8", "utf8": .utf8
    case "gb18030", "gbk", "gb2312": .gb18030
    default:
      {
        unknown(node, "encoding", node.text ?? node.sort, of: ["utf-8", "gb18030"])
        return .utf8
      }()
    }
  }

  private mutating func delimiter(_ node: YAMLNode) -> UInt8 {
    let bytes = Array((node.text ?? "").utf8)
    if bytes == Array("\\t".utf8) { return 0x09 }
    if bytes.count == 1, bytes[0] == 0x09 || 0x21...0x7E ~= bytes[0], bytes[0] != 0x22 {
      return bytes[0]
    }
    fault(node, "a delimiter is one ASCII character, not a quotation mark; \"\\t\" is a tab")
    return UInt8(ascii: ",")
  }

  private mutating func documentTypes(
    _ node: YAMLNode?, _ columns: SourcePlan.Columns?
  ) -> [String: DocumentType] {
    let names = DocumentType.allCases.map(\.name)
    return spellings(node, "document type", of: names).compactMapValues { index in
      DocumentType.allCases[Int(index)]
    }
  }

  /// What `names` are called in the files: their own names, and what `node` maps to them.
  private mutating func spellings(
    _ node: YAMLNode?, _ what: String, of names: [String]
  ) -> [String: UInt8] {
    var spellings: [String: UInt8] = [:]
    for (index, name) in names.enumerated() { spellings[name] = UInt8(truncatingIfNeeded: index) }
    guard let node else { return spellings }
    var seen: Set<String> = []
    for member in members(node, "the spellings of \(what)s") {
      let spelling = member.key.text ?? ""
      if !seen.insert(spelling).inserted {
        fault(member.key, "the spelling \"\(spelling)\" stands twice")
      }
      guard let index = index(member.value, what, of: names) else { continue }
      if let own = spellings[spelling], names.contains(spelling), own != index {
        fault(member.key, "\"\(spelling)\" is itself the name of a \(what)")
      }
      spellings[spelling] = index
    }
    return spellings
  }
}
