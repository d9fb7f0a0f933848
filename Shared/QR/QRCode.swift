internal import CQRencode
internal import Glibc

/// A QR code symbol (ISO/IEC 18004), version chosen to fit: a square of dark and light modules,
/// drawn by the extensions of this type with the quiet zone of 4 modules that readers need.
package struct QRCode: Equatable, Sendable {
  /// How much of the symbol may be damaged: 7, 15, 25 and 30 %.
  package enum Level: Sendable { case low, medium, quartile, high }

  /// The light border, in modules.
  package static let quietZone = 4
  /// The fewest pixels a picture may be wide.
  package static let sizePixelsMin = 120
  /// The most pixels a picture may be wide.
  package static let sizePixelsMax = 4096

  /// The modules along one side, without quiet zone: 21 to 177.
  package let moduleCount: Int
  /// One byte a module, row by row; 1 is dark.
  private let modules: [UInt8]

  /// Encodes text as UTF-8. Digits, or digits, capitals and ` $%*+-./:`, take the compact modes.
  package init(text: String, level: Level = .medium) throws(QRError) {
    try self.init(bytes: Array(text.utf8).span, level: level)
  }

  /// Encodes bytes, as text when they are all of a compact mode's characters.
  package init(bytes: Span<UInt8>, level: Level = .medium) throws(QRError) {
    guard bytes.count > 0 else { throw QRError(.empty, "there is nothing to encode") }
    // Far above what any symbol holds (7,089 digits), so the library sees no absurd sizes.
    guard bytes.count <= 8192 else { throw Self.tooLong(bytes.count) }
    guard let input = unsafe QRinput_new2(0, level.raw) else {
      throw QRError(.engineFailure, "no memory for the QR code")
    }
    defer { unsafe QRinput_free(input) }
    let appended = unsafe bytes.withUnsafeBufferPointer { buffer in
      unsafe QRinput_append(input, Self.mode(of: bytes), Int32(buffer.count), buffer.baseAddress)
    }
    guard appended == 0, let symbol = unsafe QRcode_encodeInput(input) else {
      if errno == ERANGE { throw Self.tooLong(bytes.count) }
      throw QRError(.engineFailure, "libqrencode failed with error \(errno)")
    }
    defer { unsafe QRcode_free(symbol) }
    let count = unsafe Int(symbol.pointee.width)
    let data = unsafe UnsafeBufferPointer(start: symbol.pointee.data, count: count * count)
    moduleCount = count
    // The other bits tell what a module is for.
    modules = unsafe data.map { $0 & 1 }
  }

  /// Tells whether a module is dark. Outside the symbol, as in the quiet zone, all are light.
  package func isDark(_ x: Int, _ y: Int) -> Bool {
    guard (0..<moduleCount).contains(x), (0..<moduleCount).contains(y) else { return false }
    return modules[y * moduleCount + x] == 1
  }

  private static func tooLong(_ byteCount: Int) -> QRError {
    QRError(.tooLong, "\(byteCount) bytes are more than a QR code holds at this level")
  }

  private static func mode(of bytes: Span<UInt8>) -> QRencodeMode {
    var mode = QR_MODE_NUM
    for index in bytes.indices {
      switch bytes[index] {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): continue
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: " "), UInt8(ascii: "$"),
        UInt8(ascii: "%"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"),
        UInt8(ascii: "."), UInt8(ascii: "/"), UInt8(ascii: ":"):
        mode = QR_MODE_AN
      default: return QR_MODE_8
      }
    }
    return mode
  }
}

extension QRCode.Level {
  fileprivate var raw: QRecLevel {
    switch self {
    case .low: QR_ECLEVEL_L
    case .medium: QR_ECLEVEL_M
    case .quartile: QR_ECLEVEL_Q
    case .high: QR_ECLEVEL_H
    }
  }
}

/// Where the symbol lies in a square picture: modules are whole pixels, so that no edge is blurred,
/// and what is left over goes around it.
struct PixelLayout {
  /// Pixels to a module.
  let scale: Int
  /// Pixels left of and above the first module.
  let offset: Int

  init(_ code: QRCode, sizePixels: Int) throws(QRError) {
    let modules = code.moduleCount + 2 * QRCode.quietZone
    let least = max(modules, QRCode.sizePixelsMin)
    guard sizePixels >= least else {
      throw QRError(
        .sizeTooSmall, "\(sizePixels) pixels are too few: this code needs at least \(least)")
    }
    guard sizePixels <= QRCode.sizePixelsMax else {
      throw QRError(
        .sizeTooLarge, "\(sizePixels) pixels are too many: at most \(QRCode.sizePixelsMax)")
    }
    scale = sizePixels / modules
    offset = (sizePixels - code.moduleCount * scale) / 2
  }
}
