/// A fixed number of values outside of any array: on the way to one nothing is counted and nothing
/// is checked but the index.
@safe
public struct FixedBuffer<Element: BitwiseCopyable>: ~Copyable {
  @usableFromInline let start: UnsafeMutablePointer<Element>
  @usableFromInline let count: Int

  /// `count` times the same.
  package init(repeating element: Element, count: Int) {
    unsafe start = UnsafeMutablePointer.allocate(capacity: count)
    unsafe start.initialize(repeating: element, count: count)
    self.count = count
  }

  deinit { unsafe start.deallocate() }

  /// An index that is not there is the caller's bug and traps.
  @inlinable
  package subscript(index: Int) -> Element {
    @inline(__always)
    get {
      precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "no such place")
      return unsafe start[index]
    }
    @inline(__always)
    nonmutating set {
      precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "no such place")
      unsafe start[index] = newValue
    }
  }

  /// Lends the first `count` values.
  @inlinable
  package func withSpan<R>(
    first count: Int, _ body: (Span<Element>) throws -> R
  ) rethrows -> R {
    precondition(count >= 0 && count <= self.count, "no such places")
    return try body(unsafe UnsafeBufferPointer(start: start, count: count).span)
  }

  /// Lends all values for writing.
  @inlinable
  package func withMutableSpan<R>(_ body: (inout MutableSpan<Element>) -> R) -> R {
    var span = unsafe UnsafeMutableBufferPointer(start: start, count: count).mutableSpan
    return body(&span)
  }
}
