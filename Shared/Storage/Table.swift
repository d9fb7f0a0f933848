/// A table of an environment, opened once by name and good as long as its environment.
@usableFromInline
package struct Table: Sendable, Hashable {
  package let name: String
  /// Whether keys are `UInt64` in the machine's own order; otherwise they are bytes, compared as
  /// such.
  package let integerKeys: Bool
  @usableFromInline let handle: UInt32

  init(name: String, integerKeys: Bool, handle: UInt32) {
    self.name = name
    self.integerKeys = integerKeys
    self.handle = handle
  }
}
