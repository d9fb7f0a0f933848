import Testing

@testable import QR

/// The everyday code: 50 bytes in base32, bare and behind a URL.
let bareCode =
  String("GEZDGNBVGY3TQOJQ" + "MFRGGZDFMZTWQ2LK" + "NNWG23TPOBYXE43U" + "OV3HO6DZPIQCA7D2")
  + "ABCDEFGHIJKLMNOP"
let urlCode = "HTTPS://CODE.EXAMPLE/C/" + bareCode

@Suite struct QRCodeTests {
  @Test("an 80-character code is version 4, with a URL before it version 5")
  func versions() throws {
    #expect(bareCode.utf8.count == 80)
    #expect(try QRCode(text: bareCode).moduleCount == 33)
    #expect(try QRCode(text: urlCode).moduleCount == 37)
  }

  @Test("capitals and digits take less room than small letters, digits less than capitals")
  func modes() throws {
    let capitals = try QRCode(text: String(repeating: "A", count: 100)).moduleCount
    let small = try QRCode(text: String(repeating: "a", count: 100)).moduleCount
    let digits = try QRCode(text: String(repeating: "7", count: 100)).moduleCount
    #expect(digits < capitals && capitals < small)
    let all = String(repeating: "AZ09 $%*+-./:", count: 7)
    #expect(try QRCode(text: all).moduleCount < QRCode(text: all + "_").moduleCount)
  }

  @Test("a higher level takes a larger symbol")
  func levels() throws {
    let sizes = try [QRCode.Level.low, .medium, .quartile, .high].map { level in
      try QRCode(text: bareCode, level: level).moduleCount
    }
    // The 80 characters fill version 4 at M, and 3 is just too small at L.
    #expect(sizes == [33, 33, 37, 41])
    #expect(try QRCode(text: bareCode) == QRCode(text: bareCode, level: .medium))
  }

  @Test("has the three finder patterns, and light modules all around")
  func finders() throws {
    let code = try QRCode(text: bareCode)
    let last = code.moduleCount - 1
    for (x, y) in [(0, 0), (last - 6, 0), (0, last - 6)] {
      for offset in 0..<7 {
        #expect(code.isDark(x + offset, y) && code.isDark(x, y + offset))
        #expect(code.isDark(x + offset, y + 6) && code.isDark(x + 6, y + offset))
      }
      #expect(!code.isDark(x + 1, y + 1) && code.isDark(x + 3, y + 3))
    }
    for index in -5...(last + 5) {
      #expect(!code.isDark(index, -1) && !code.isDark(-1, index))
      #expect(!code.isDark(index, last + 1) && !code.isDark(last + 1, index))
    }
  }

  @Test("refuses nothing, and more than a symbol holds; takes the most it holds")
  func bounds() throws {
    #expect(throws: QRError.self) { try QRCode(text: "") }
    #expect(code { () throws(QRError) in _ = try QRCode(text: "") } == .empty)
    #expect(try QRCode(text: String(repeating: "A", count: 3391)).moduleCount == 177)
    for count in [3392, 8192, 8193, 1_000_000] {
      let error = code { () throws(QRError) in
        _ = try QRCode(text: String(repeating: "A", count: count))
      }
      #expect(error == .tooLong, "\(count)")
    }
    let bytes = [UInt8](repeating: 0, count: 2331)
    #expect(try QRCode(bytes: bytes.span).moduleCount == 177)
    let more = code { () throws(QRError) in _ = try QRCode(bytes: (bytes + [0]).span) }
    #expect(more == .tooLong)
  }

  @Test("refuses pictures too small to be read and too large to be useful")
  func pictureBounds() throws {
    let small = try QRCode(text: "1")
    let large = try QRCode(text: String(repeating: "A", count: 3391))
    for (symbol, size, expected) in [
      (small, 119, QRError.Code.sizeTooSmall), (small, 0, .sizeTooSmall),
      (small, -1, .sizeTooSmall), (small, .min, .sizeTooSmall), (large, 184, .sizeTooSmall),
      (small, 4097, .sizeTooLarge), (small, .max, .sizeTooLarge),
    ] {
      let png = code { () throws(QRError) in _ = try symbol.png(sizePixels: size) }
      let svg = code { () throws(QRError) in _ = try symbol.svg(sizePixels: size) }
      #expect(png == expected && svg == expected, "\(size)")
    }
    #expect(try !large.png(sizePixels: 185).isEmpty && !small.png(sizePixels: 4096).isEmpty)
  }

  private func code(_ body: () throws(QRError) -> Void) -> QRError.Code? {
    do {
      try body()
      return nil
    } catch {
      return error.code
    }
  }
}

@Suite struct QRPictureTests {
  @Test(
    "zbar reads the PNG back, bare and with URL",
    arguments: [120, 121, 159, 160, 240, 600, 1000], [bareCode, urlCode])
  func png(size: Int, text: String) throws {
    let picture = try QRCode(text: text).png(sizePixels: size)
    #expect(picture.starts(with: [0x89, 0x50, 0x4e, 0x47]))
    // Width, height and bit depth, as PNG's first chunk has them.
    #expect(picture[16..<20].elementsEqual([0, 0, UInt8(size >> 8), UInt8(size & 255)]))
    #expect(picture[20..<24].elementsEqual([0, 0, UInt8(size >> 8), UInt8(size & 255)]))
    #expect(picture[24] == 1)
    #expect(try Reader.read(picture, kind: "png") == text)
  }

  @Test(
    "zbar reads the rasterised SVG back, bare and with URL", arguments: [120, 160, 240, 600],
    [bareCode, urlCode])
  func svg(size: Int, text: String) throws {
    let picture = try QRCode(text: text).svg(sizePixels: size)
    #expect(String(decoding: picture, as: UTF8.self).hasPrefix("<svg "))
    let png = try Reader.rasterise(picture)
    #expect(png[16..<20].elementsEqual([0, 0, UInt8(size >> 8), UInt8(size & 255)]))
    #expect(try Reader.read(png, kind: "png") == text)
  }

  @Test(
    "zbar reads every level and mode back",
    arguments: [QRCode.Level.low, .medium, .quartile, .high],
    ["0123456789", "https://code.example/c/abc", "一码通城", urlCode])
  func content(level: QRCode.Level, text: String) throws {
    let picture = try QRCode(text: text, level: level).png(sizePixels: 300)
    #expect(try Reader.read(picture, kind: "png") == text)
  }

  @Test("a code with modules lost to dirt is still read")
  func damaged() throws {
    let code = try QRCode(text: bareCode)
    var canvas = Canvas(width: 400, height: 400, background: 255)
    for y in 0..<code.moduleCount {
      for x in 0..<code.moduleCount where code.isDark(x, y) {
        canvas.fill(x: 40 + x * 8, y: 40 + y * 8, side: 8, 0)
      }
    }
    canvas.fill(x: 40 + 14 * 8, y: 40 + 14 * 8, side: 5 * 8, 0)
    #expect(try Reader.read(canvas.pgm, kind: "pgm") == bareCode)
  }
}

@Suite struct QRTerminalTests {
  /// Renders text as a terminal of those colours would, 4 pixels to a module.
  private func render(_ text: String, foreground: UInt8, background: UInt8) -> Canvas {
    let coloured = text.contains("\u{1b}[38;5;16;48;5;231m")
    let lines = text.replacing("\u{1b}[38;5;16;48;5;231m", with: "")
      .replacing("\u{1b}[0m", with: "").split(separator: "\n")
    let ink = coloured ? 0 : foreground
    let paper = coloured ? 255 : background
    let width = lines.map(\.count).max() ?? 0
    // The window's own background shows around the text.
    var canvas = Canvas(
      width: (width + 20) * 4, height: (lines.count * 2 + 20) * 4,
      background: background)
    for (y, line) in lines.enumerated() {
      for (x, character) in line.enumerated() {
        let left = (x + 10) * 4
        let top = (y * 2 + 10) * 4
        canvas.fill(x: left, y: top, side: 4, "█▀".contains(character) ? ink : paper)
        canvas.fill(x: left, y: top + 4, side: 4, "█▄".contains(character) ? ink : paper)
      }
    }
    return canvas
  }

  @Test("coloured text is read on dark and on light terminals", arguments: [bareCode, urlCode])
  func coloured(code: String) throws {
    let text = try QRCode(text: code).terminal()
    for (foreground, background) in [(UInt8(230), UInt8(0)), (0, 255)] {
      let screen = render(text, foreground: foreground, background: background)
      #expect(try Reader.read(screen.pgm, kind: "pgm") == code)
    }
  }

  @Test("plain text has no escape codes and is read on the terminal it is made for")
  func plain() throws {
    let code = try QRCode(text: bareCode)
    for (style, foreground, background) in [
      (QRCode.TerminalStyle.plainOnDark, UInt8(230), UInt8(0)), (.plainOnLight, 0, 255),
    ] {
      let text = code.terminal(style)
      #expect(!text.contains("\u{1b}"))
      let screen = render(text, foreground: foreground, background: background)
      #expect(try Reader.read(screen.pgm, kind: "pgm") == bareCode)
    }
  }

  @Test("every line is as wide as the code with its quiet zone, and resets its colours")
  func shape() throws {
    let code = try QRCode(text: bareCode)
    for style in QRCode.TerminalStyle.allCases {
      let lines = code.terminal(style).split(separator: "\n")
      #expect(lines.count == (33 + 8 + 1) / 2)
      for line in lines {
        let visible = line.replacing("\u{1b}[38;5;16;48;5;231m", with: "")
          .replacing("\u{1b}[0m", with: "")
        #expect(visible.count == 41)
        #expect(line.hasSuffix("\u{1b}[0m") == (style == .coloured))
      }
    }
  }
}
