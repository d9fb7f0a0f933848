import Foundation

/// Reads pictures back with the tools an integrator would use.
enum Reader {
  /// Returns what `zbarimg` finds in a picture, or nil.
  static func read(_ picture: [UInt8], kind: String) throws -> String? {
    let file = try temporary(picture, kind: kind)
    defer { try? FileManager.default.removeItem(atPath: file) }
    let (status, output) = try run(
      "zbarimg", ["--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", file])
    guard status == 0, output.last == "\n" else { return nil }
    return String(output.dropLast())
  }

  /// Rasterises an SVG at its own size.
  static func rasterise(_ svg: [UInt8]) throws -> [UInt8] {
    let source = try temporary(svg, kind: "svg")
    let target = source + ".png"
    defer {
      try? FileManager.default.removeItem(atPath: source)
      try? FileManager.default.removeItem(atPath: target)
    }
    let (status, output) = try run("rsvg-convert", ["-o", target, source])
    guard status == 0 else { throw Failure(output: output) }
    return Array(try Data(contentsOf: URL(fileURLWithPath: target)))
  }

  struct Failure: Error { let output: String }

  private static func temporary(_ content: [UInt8], kind: String) throws -> String {
    let path = NSTemporaryDirectory() + "citycode-qr-\(UUID().uuidString).\(kind)"
    try Data(content).write(to: URL(fileURLWithPath: path))
    return path
  }

  private static func run(_ name: String, _ arguments: [String]) throws -> (Int32, String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [name] + arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: data, as: UTF8.self))
  }
}

/// A grey picture the tests draw themselves, written as PGM.
struct Canvas {
  let width: Int
  let height: Int
  private var pixels: [UInt8]

  init(width: Int, height: Int, background: UInt8) {
    self.width = width
    self.height = height
    pixels = [UInt8](repeating: background, count: width * height)
  }

  mutating func fill(x: Int, y: Int, side: Int, _ grey: UInt8) {
    for row in y..<(y + side) {
      for column in x..<(x + side) { pixels[row * width + column] = grey }
    }
  }

  var pgm: [UInt8] { Array("P5\n\(width) \(height)\n255\n".utf8) + pixels }
}
