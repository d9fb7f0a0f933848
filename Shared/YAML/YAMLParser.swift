import CYAML

/// Reads a YAML 1.1 document by libyaml into a tree with lines and columns.
///
/// Strict where configuration should be: one document, no aliases, no tags, bounded depth and
/// size. Scalars stay text; what is a number is for the reader of the tree to say.
@safe package struct YAMLParser: ~Copyable {
  /// Bytes of a document at most.
  package static let bytesMax = 4 << 20
  /// Lists and maps within one another at most.
  package static let depthMax = 32

  /// libyaml keeps pointers into the parser, so it must not move.
  private let parser: UnsafeMutablePointer<yaml_parser_t>

  private init() throws(YAMLError) {
    unsafe parser = .allocate(capacity: 1)
    guard unsafe yaml_parser_initialize(parser) == 1 else {
      unsafe parser.deallocate()
      throw YAMLError(code: .outOfMemory, line: 1, column: 1, text: "there is no memory left")
    }
  }

  deinit {
    unsafe yaml_parser_delete(parser)
    unsafe parser.deallocate()
  }

  /// The root of the only document in `bytes`.
  package static func parse(_ bytes: [UInt8]) throws(YAMLError) -> YAMLNode {
    guard bytes.count <= bytesMax else {
      throw YAMLError(
        code: .tooLarge, line: 1, column: 1, text: "the file is larger than 4 MiB")
    }
    let parser = try YAMLParser()
    let result: Result<YAMLNode, YAMLError> = unsafe bytes.withUnsafeBufferPointer { buffer in
      unsafe yaml_parser_set_input_string(parser.parser, buffer.baseAddress, buffer.count)
      return Result { () throws(YAMLError) in try parser.document() }
    }
    return try result.get()
  }

  private func document() throws(YAMLError) -> YAMLNode {
    _ = try next()
    var event = try next()
    guard event.kind == .documentStart else { throw event.error(.empty, "the file is empty") }
    event = try next()
    let root = try node(from: event, depth: 0)
    _ = try next()
    event = try next()
    guard event.kind == .streamEnd else {
      throw event.error(.secondDocument, "a second document begins here: one a file")
    }
    return root
  }

  private func node(from event: Event, depth: Int) throws(YAMLError) -> YAMLNode {
    guard depth < Self.depthMax else {
      throw event.error(.tooDeep, "more than \(Self.depthMax) lists and maps within one another")
    }
    if event.isTagged { throw event.error(.tag, "a value has no tag (!...) here") }
    switch event.kind {
    case .scalar(let text, let isPlain):
      return YAMLNode(
        content: .scalar(text, isPlain: isPlain), line: event.line, column: event.column)
    case .sequenceStart:
      return YAMLNode(
        content: .sequence(try items(depth)), line: event.line, column: event.column)
    case .mappingStart:
      return YAMLNode(
        content: .mapping(try members(depth)), line: event.line, column: event.column)
    case .alias: throw event.error(.alias, "aliases (*name) are not taken: write the value out")
    default: throw event.error(.syntax, "a value is missing here")
    }
  }

  private func items(_ depth: Int) throws(YAMLError) -> [YAMLNode] {
    var items: [YAMLNode] = []
    while true {
      let event = try next()
      if event.kind == .sequenceEnd { return items }
      items.append(try node(from: event, depth: depth + 1))
    }
  }

  private func members(_ depth: Int) throws(YAMLError) -> [YAMLNode.Member] {
    var members: [YAMLNode.Member] = []
    while true {
      let event = try next()
      if event.kind == .mappingEnd { return members }
      let key = try node(from: event, depth: depth + 1)
      guard key.text != nil else { throw event.error(.keyNotText, "a key must be text") }
      members.append(YAMLNode.Member(key: key, value: try node(from: next(), depth: depth + 1)))
    }
  }

  /// One of libyaml's events, copied.
  private struct Event {
    enum Kind: Equatable {
      case documentStart, sequenceStart, sequenceEnd, mappingStart, mappingEnd, alias, streamEnd
      case scalar(String, isPlain: Bool)
      case other
    }

    var kind = Kind.other
    var isTagged = false
    let line: Int
    let column: Int

    func error(_ code: YAMLError.Code, _ text: String) -> YAMLError {
      YAMLError(code: code, line: line, column: column, text: text)
    }
  }

  private func next() throws(YAMLError) -> Event {
    var raw = unsafe yaml_event_t()
    guard unsafe yaml_parser_parse(parser, &raw) == 1 else { throw fault() }
    defer { unsafe yaml_event_delete(&raw) }
    let mark = unsafe raw.start_mark
    var event = Event(line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    switch unsafe raw.type {
    case YAML_DOCUMENT_START_EVENT: event.kind = .documentStart
    case YAML_SEQUENCE_START_EVENT:
      event.kind = .sequenceStart
      event.isTagged = unsafe raw.data.sequence_start.tag != nil
    case YAML_SEQUENCE_END_EVENT: event.kind = .sequenceEnd
    case YAML_MAPPING_START_EVENT:
      event.kind = .mappingStart
      event.isTagged = unsafe raw.data.mapping_start.tag != nil
    case YAML_MAPPING_END_EVENT: event.kind = .mappingEnd
    case YAML_ALIAS_EVENT: event.kind = .alias
    case YAML_STREAM_END_EVENT: event.kind = .streamEnd
    case YAML_SCALAR_EVENT:
      let scalar = unsafe raw.data.scalar
      let text = unsafe String(
        decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      event.isTagged = unsafe scalar.tag != nil
      event.kind = .scalar(text, isPlain: unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE)
    default: break
    }
    return event
  }

  private func fault() -> YAMLError {
    let isReading = unsafe parser.pointee.error == YAML_READER_ERROR
    let mark = unsafe isReading ? parser.pointee.mark : parser.pointee.problem_mark
    var text = unsafe parser.pointee.problem.map { unsafe String(cString: $0) } ?? "bad syntax"
    if let context = unsafe parser.pointee.context {
      text = unsafe "\(String(cString: context)), \(text)"
    }
    return YAMLError(
      code: isReading ? .encoding : .syntax, line: Int(mark.line) + 1,
      column: Int(mark.column) + 1, text: text)
  }
}
