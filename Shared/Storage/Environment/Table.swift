/// A table of an environment, opened once by name and good as long as its environment. Trivial to
/// copy: it is handed to every read.
@usableFromInline
package struct Table: Sendable {
  package let name: StaticString
  /// Whether keys are `UInt64` in the machine's own order; otherwise they are bytes, compared as
  /// such.
  package let integerKeys: Bool
  @usableFromInline let handle: UInt32
}
