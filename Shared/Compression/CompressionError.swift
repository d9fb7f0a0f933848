/// The two formats that raw files come in.
package enum CompressionFormat: Sendable {
  /// RFC 1952.
  case gzip
  /// RFC 8878.
  case zstd

  /// By the end of a file's name; `nil` for a file that is not compressed.
  package init?(path: String) {
    if path.hasSuffix(".gz") {
      self = .gzip
    } else if path.hasSuffix(".zst") {
      self = .zstd
    } else {
      return nil
    }
  }
}

/// Why bytes could not be packed or unpacked.
package enum CompressionError: Error, Equatable, CustomStringConvertible {
  /// The bytes are not of the format, or damaged; the library's words.
  case damaged(String)
  /// The bytes end within a frame.
  case cut
  case outOfMemory

  package var description: String {
    switch self {
    case .damaged(let text): "not compressed data, or damaged: \(text)"
    case .cut: "the compressed data end too early"
    case .outOfMemory: "no memory for the compression"
    }
  }
}
