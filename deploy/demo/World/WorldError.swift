/// Why a demo world cannot be built, or does not behave; the text is for the person who ran it.
package struct WorldError: Error, CustomStringConvertible {
  package let message: String

  package init(_ message: String) { self.message = message }

  package var description: String { message }
}
