/// Bytes that take the place of the last request's. Equal traffic is copied over them in place;
/// what a request does not have is cleared at the end of its headers.
struct ReusedBytes {
  private(set) var bytes: [UInt8] = []
  private var isSet = false

  /// Whether this request has put something here.
  var isEmpty: Bool { !isSet || bytes.isEmpty }
  var count: Int { isSet ? bytes.count : 0 }

  mutating func begin() {
    isSet = false
  }

  mutating func end() {
    if !isSet, !bytes.isEmpty { bytes.removeAll(keepingCapacity: true) }
    isSet = true
  }

  mutating func set(_ value: UnsafeBufferPointer<UInt8>) {
    isSet = true
    if bytes.count == value.count {
      unsafe bytes.withUnsafeMutableBufferPointer { target in
        guard let start = target.baseAddress, let source = value.baseAddress else { return }
        unsafe start.update(from: source, count: value.count)
      }
    } else {
      unsafe bytes.replaceSubrange(0..<bytes.count, with: value)
    }
  }

  /// The first part takes the old one's place, the others follow it.
  mutating func append(_ value: UnsafeBufferPointer<UInt8>) {
    if isSet { unsafe bytes.append(contentsOf: value) } else { unsafe set(value) }
  }

  mutating func trim(to keptBytesMax: Int) {
    if bytes.capacity > keptBytesMax { bytes = [] }
  }
}

extension [UInt8] {
  /// Appends the bytes of a span.
  mutating func append(copying span: Span<UInt8>) {
    // The buffer is only read inside the closure.
    unsafe span.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
  }
}
