/// Header fields that have no property of their own, packed into one reused buffer: a request with
/// ten fields costs no allocation once the buffers have grown.
struct FieldStore {
  private struct Field {
    let start: Int
    let nameCount: Int
    let valueCount: Int
  }

  private var bytes: [UInt8] = []
  private var fields: [Field] = []

  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    fields.removeAll(keepingCapacity: true)
  }

  mutating func append(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
    fields.append(
      Field(start: bytes.count, nameCount: name.count, valueCount: value.count))
    unsafe bytes.append(contentsOf: name)
    unsafe bytes.append(contentsOf: value)
  }

  /// The first value under `name`, which is valid only for the duration of the call.
  func withValue<Result>(of name: Span<UInt8>, _ body: (Span<UInt8>) -> Result) -> Result? {
    for field in fields where field.nameCount == name.count {
      let valueStart = field.start + field.nameCount
      guard matches(name, at: field.start) else { continue }
      return body(bytes.span.extracting(valueStart..<(valueStart + field.valueCount)))
    }
    return nil
  }

  /// How many fields have that name.
  func count(of name: Span<UInt8>) -> Int {
    var count = 0
    for field in fields where field.nameCount == name.count && matches(name, at: field.start) {
      count += 1
    }
    return count
  }

  private func matches(_ name: Span<UInt8>, at start: Int) -> Bool {
    for index in 0..<name.count where bytes[start + index] != name[index] { return false }
    return true
  }
}
