internal import CNghttp2

/// The name-value array given to nghttp2, built in memory that is reused for every message.
/// Constant texts are lent for ever; everything else is put into the scratch space, from which
/// nghttp2 copies while the message is submitted.
@safe struct HeaderBlock: ~Copyable {
  private var fields: UnsafeMutablePointer<nghttp2_nv>?
  private(set) var count = 0
  private var scratch: UnsafeMutablePointer<UInt8>?
  private var scratchCapacity = 0
  private var scratchCount = 0

  /// Fields in one message, with pseudo-header fields and `content-length`.
  static let countMax = 48

  init() {}

  deinit {
    unsafe fields?.deallocate()
    unsafe scratch?.deallocate()
  }

  /// Gives the memory back; `begin` allocates anew.
  mutating func release() {
    self = HeaderBlock()
  }

  /// Starts a message whose copied values together have at most `copiedBytesMax` bytes: the
  /// scratch space must not move while fields point into it.
  mutating func begin(copiedBytesMax: Int) {
    count = 0
    scratchCount = 0
    if unsafe fields == nil { unsafe fields = .allocate(capacity: Self.countMax) }
    guard copiedBytesMax > scratchCapacity else { return }
    unsafe scratch?.deallocate()
    scratchCapacity = max(256, copiedBytesMax)
    unsafe scratch = .allocate(capacity: scratchCapacity)
  }

  mutating func add(_ name: StaticString, _ value: StaticString) {
    let flags = NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue
    unsafe append(
      name, UnsafeMutablePointer(mutating: value.utf8Start), value.utf8CodeUnitCount, flags)
  }

  mutating func add(_ name: StaticString, copying value: Span<UInt8>, isSecret: Bool = false) {
    precondition(scratchCount + value.count <= scratchCapacity, "begin() was told too little")
    let start = unsafe scratch! + scratchCount
    for index in 0..<value.count { unsafe start[index] = value[index] }
    scratchCount += value.count
    var flags = NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue
    if isSecret { flags |= NGHTTP2_NV_FLAG_NO_INDEX.rawValue }
    unsafe append(name, start, value.count, flags)
  }

  /// Adds a number's decimal digits (at most 20).
  mutating func add(_ name: StaticString, number: Int) {
    precondition(scratchCount + 20 <= scratchCapacity, "begin() was told too little")
    var digits = 1
    var rest = number / 10
    while rest > 0 {
      digits += 1
      rest /= 10
    }
    let start = unsafe scratch! + scratchCount
    rest = number
    for index in stride(from: digits - 1, through: 0, by: -1) {
      unsafe start[index] = UInt8(truncatingIfNeeded: 48 + rest % 10)
      rest /= 10
    }
    scratchCount += digits
    unsafe append(name, start, digits, NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue)
  }

  mutating func add(_ field: HeaderField) {
    switch field.value {
    case .constant(let text): add(field.name, text)
    case .bytes(let bytes): add(field.name, copying: bytes.span)
    case .secret(let bytes): add(field.name, copying: bytes.span, isSecret: true)
    }
  }

  /// Scratch bytes that `fields` will need.
  static func copiedBytes(of fields: [HeaderField]) -> Int {
    var total = 0
    for field in fields {
      switch field.value {
      case .constant: break
      case .bytes(let bytes), .secret(let bytes): total += bytes.count
      }
    }
    return total
  }

  /// The array for nghttp2, which copies it before the submitting call returns.
  var pointer: UnsafeMutablePointer<nghttp2_nv>? { unsafe fields }

  private mutating func append(
    _ name: StaticString, _ value: UnsafeMutablePointer<UInt8>, _ valueCount: Int, _ flags: UInt32
  ) {
    precondition(count < Self.countMax, "a message has too many header fields")
    unsafe fields![count] = unsafe nghttp2_nv(
      name: UnsafeMutablePointer(mutating: name.utf8Start), value: value,
      namelen: name.utf8CodeUnitCount, valuelen: valueCount,
      flags: UInt8(truncatingIfNeeded: flags))
    count += 1
  }
}
