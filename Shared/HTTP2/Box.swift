/// A value in memory of its own, which the library's callbacks reach through its address.
///
/// A class would do the same with a reference count and an exclusivity check at every access: a
/// sixth of the time of a request. Here both are this module's duty: whoever makes a box frees it,
/// after the last callback; and no access to `value` lasts while the library is called, because
/// its callbacks access it too.
@safe struct Box<Value> {
  private let pointer: UnsafeMutablePointer<Value>

  init(_ value: Value) {
    unsafe pointer = .allocate(capacity: 1)
    unsafe pointer.initialize(to: value)
  }

  /// The box at an address that `address` returned.
  init(at address: UnsafeMutableRawPointer) {
    unsafe pointer = address.assumingMemoryBound(to: Value.self)
  }

  /// For the library's user-data arguments.
  var address: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

  @inline(__always)
  var value: Value {
    unsafeAddress { unsafe UnsafePointer(pointer) }
    nonmutating unsafeMutableAddress { unsafe pointer }
  }

  func free() {
    unsafe pointer.deinitialize(count: 1)
    unsafe pointer.deallocate()
  }
}
