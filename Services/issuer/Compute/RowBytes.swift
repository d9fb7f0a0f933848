import Compression
import IssuerCore
import Records
import Server

/// The bytes of one source file as UTF-8, from the front or from the middle.
struct RowBytes {
  private let file: SourceFile
  private var offset: Int
  private var unpacked: Unpacked?
  private let converts: Bool
  private var raw: [UInt8] = []
  private var isAtEnd = false

  private struct Unpacked {
    let engine: Decompressor
    var input: [UInt8] = []
    var taken = 0
    var isAtEnd = false
  }

  private static let inputBytes = 1 << 18

  /// `offset` is 0 unless the file is neither compressed nor of another encoding.
  init(_ file: SourceFile, _ encoding: SourcePlan.Encoding, from offset: Int) throws {
    self.file = file
    self.offset = offset
    converts = encoding == .gb18030
    if let format = CompressionFormat(path: file.path) {
      unpacked = Unpacked(engine: try Decompressor(format))
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
      isAtEnd = try !appendPlain(to: &raw, byteCountMax: byteCountMax / 2)
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
    guard unpacked != nil else {
      let count = try file.read(at: offset, into: &buffer, byteCountMax: byteCountMax)
      offset += count
      return count > 0
    }
    return try unpack(into: &buffer, byteCountMax)
  }

  private mutating func unpack(into buffer: inout [UInt8], _ byteCountMax: Int) throws -> Bool {
    guard var state = unpacked else { return false }
    unpacked = nil
    defer { unpacked = state }
    let before = buffer.count
    do throws(CompressionError) {
      while true {
        let input = state.input.span.extracting(droppingFirst: state.taken)
        state.taken += try state.engine.decompress(
          input, into: &buffer, byteCountMax: byteCountMax - (buffer.count - before))
        if buffer.count - before >= byteCountMax || state.isAtEnd { break }
        guard state.taken == state.input.count else { continue }
        state.input.removeAll(keepingCapacity: true)
        state.taken = 0
        if try readInput(&state) == 0 {
          state.isAtEnd = true
          try state.engine.finish()
          break
        }
      }
    } catch {
      throw ComputeError("\(file.path): \(error)")
    }
    return buffer.count > before
  }

  private mutating func readInput(_ state: inout Unpacked) throws(CompressionError) -> Int {
    do throws(RecordsError) {
      let count = try file.read(
        at: offset, into: &state.input, byteCountMax: Self.inputBytes)
      offset += count
      return count
    } catch {
      throw .damaged(error.description)
    }
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
