import Compression
import IssuerCore
import Records
import Server

/// The bytes of one source file as UTF-8, from the front or from the middle.
struct RowBytes {
  private let file: SourceFile
  private var offset: Int
  private var unpacking: Unpacking?
  private let converts: Bool
  private var raw: [UInt8] = []
  private var isAtEnd = false

  private final class Unpacking {
    let engine: Decompressor
    var input: [UInt8] = []
    var taken = 0
    var isAtEnd = false

    init(_ format: CompressionFormat) throws(CompressionError) {
      engine = try Decompressor(format)
    }

    /// Unpacks what there is of the input.
    func unpack(into buffer: inout [UInt8], _ byteCountMax: Int) throws(CompressionError) {
      let bytes = input
      let rest = bytes.span.extracting(droppingFirst: taken)
      taken += try engine.decompress(rest, into: &buffer, byteCountMax: byteCountMax)
    }
  }

  private static let inputBytes = 1 << 18

  /// `offset` is 0 unless the file is neither compressed nor of another encoding.
  init(_ file: SourceFile, _ encoding: SourcePlan.Encoding, from offset: Int) throws {
    self.file = file
    self.offset = offset
    converts = encoding == .gb18030
    if let format = CompressionFormat(path: file.path) {
      unpacking = try Unpacking(format)
    }
  }

  /// Whether rows can be read from the middle of `file`.
  static func canBeSplit(_ path: String, _ encoding: SourcePlan.Encoding) -> Bool {
    CompressionFormat(path: path) == nil && encoding == .utf8
  }

  /// Bytes of the file that have been read.
  var consumed: Int { offset }

  /// Appends about `byteCountMax` bytes; `false` at the end.
  mutating func append(to buffer: inout [UInt8], byteCountMax: Int) throws -> Bool {
    guard converts else { return try appendPlain(to: &buffer, byteCountMax: byteCountMax) }
    while !isAtEnd {
      var taken = exchange(&raw, with: [])
      isAtEnd = try !appendPlain(to: &taken, byteCountMax: byteCountMax / 2)
      raw = taken
      // A line feed is never part of a character.
      let end = isAtEnd ? raw.count : (raw.lastIndex(of: 0x0A) ?? -1) + 1
      if end == 0, raw.count < byteCountMax, !isAtEnd { continue }
      let whole = end == 0 ? raw.count : end
      try convert(whole, into: &buffer)
      raw.removeFirst(whole)
      return whole > 0
    }
    return false
  }

  private mutating func appendPlain(
    to buffer: inout [UInt8], byteCountMax: Int
  ) throws -> Bool {
    if let unpacking { return try unpack(unpacking, into: &buffer, byteCountMax) }
    let count = try file.read(at: offset, into: &buffer, byteCountMax: byteCountMax)
    offset += count
    return count > 0
  }

  private mutating func unpack(
    _ unpacking: Unpacking, into buffer: inout [UInt8], _ byteCountMax: Int
  ) throws -> Bool {
    let before = buffer.count
    do {
      while true {
        try unpacking.unpack(into: &buffer, byteCountMax - (buffer.count - before))
        if buffer.count - before >= byteCountMax || unpacking.isAtEnd { break }
        guard unpacking.taken == unpacking.input.count else { continue }
        unpacking.input.removeAll(keepingCapacity: true)
        unpacking.taken = 0
        let count = try file.read(
          at: offset, into: &unpacking.input, byteCountMax: Self.inputBytes)
        offset += count
        if count == 0 {
          unpacking.isAtEnd = true
          try unpacking.engine.finish()
          break
        }
      }
    } catch let error as CompressionError {
      throw ComputeError("\(file.path): \(error)")
    }
    return buffer.count > before
  }

  /// Appends the first `count` raw bytes as UTF-8; what is no GB 18030 becomes U+FFFD.
  private func convert(_ count: Int, into buffer: inout [UInt8]) throws {
    var start = 0
    while start < count {
      guard let converter = UTF8Converter(from: "GB18030") else {
        throw ComputeError("this system has no GB18030 conversion: install locales")
      }
      let fault = Self.convert(raw.span.extracting(start..<count), converter, into: &buffer)
      if let fault {
        guard let again = UTF8Converter(from: "GB18030") else { return }
        _ = Self.convert(raw.span.extracting(start..<start + fault), again, into: &buffer)
        start += fault + 1
      } else {
        start = count
      }
      if fault != nil || converter.isCut { buffer.append(contentsOf: [0xEF, 0xBF, 0xBD]) }
    }
  }

  /// Where the bytes are wrong, `nil` if they are not.
  private static func convert(
    _ bytes: Span<UInt8>, _ converter: UTF8Converter, into buffer: inout [UInt8]
  ) -> Int? {
    do throws(UTF8Converter.Fault) {
      try converter.convert(bytes, into: &buffer)
      return nil
    } catch {
      return error.offset
    }
  }
}

/// Why a computation cannot go on, for the operator.
struct ComputeError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
