/// One value of a YAML document, with the place where it stands.
package struct YAMLNode: Sendable {
  /// What stands there.
  package enum Content: Sendable {
    /// `isPlain` without quotation marks: only then may `12` be a number.
    case scalar(String, isPlain: Bool)
    case sequence([YAMLNode])
    /// In the order of the document; keys may repeat.
    case mapping([Member])
  }

  /// A key with its value.
  package struct Member: Sendable {
    package let key: YAMLNode
    package let value: YAMLNode
  }

  package let content: Content
  /// From 1.
  package let line: Int
  /// From 1.
  package let column: Int

  /// The text of a scalar.
  package var text: String? {
    if case .scalar(let text, _) = content { text } else { nil }
  }

  /// "a list", "a map" or "text", for messages.
  package var sort: String {
    switch content {
    case .scalar: "text"
    case .sequence: "a list"
    case .mapping: "a map"
    }
  }
}

/// Why a text is no YAML document that this reader takes.
package struct YAMLError: Error, Sendable, CustomStringConvertible {
  /// The cause, each with its cure.
  package enum Code: String, CaseIterable, Sendable {
    /// The syntax is wrong at this place.
    case syntax
    /// Bytes that are no UTF-8 or UTF-16.
    case encoding
    /// Nothing but comments.
    case empty
    /// A second document after `---`: keep one a file.
    case secondDocument = "second_document"
    /// `*name`: write the value out. Aliases can make a small file endless.
    case alias
    /// `!tag`: values have no tags here.
    case tag
    /// A key that is a list or a map.
    case keyNotText = "key_not_text"
    case tooDeep = "too_deep"
    case tooLarge = "too_large"
    case outOfMemory = "out_of_memory"
  }

  package let code: Code
  /// From 1.
  package let line: Int
  /// From 1.
  package let column: Int
  /// What is wrong, in words.
  package let text: String

  package var description: String { "line \(line): \(text)" }
}
