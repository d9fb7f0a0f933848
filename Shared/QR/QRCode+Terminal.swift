extension QRCode {
  /// How to draw in a terminal, whose own colours are not known.
  package enum TerminalStyle: Sendable, CaseIterable {
    /// Sets black on white by ANSI codes: right on every terminal that has colours.
    case coloured
    /// Without any codes, for terminals with light text on a dark background.
    case plainOnDark
    /// Without any codes, for terminals with dark text on a light background, and for paper.
    case plainOnLight
  }

  /// Draws the code as text with two modules to a character, one above the other, which is about
  /// square in most fonts. Each line ends with a line feed.
  package func terminal(_ style: TerminalStyle = .coloured) -> String {
    // Colours 16 and 231 of the 256 are true black and white; the basic ones are themed.
    let (start, end) =
      style == .coloured ? ("\u{1b}[38;5;16;48;5;231m", "\u{1b}[0m\n") : ("", "\n")
    // Text is drawn where modules are dark, or where they are light if text itself is light.
    let drawn = style != .plainOnDark
    var text = ""
    let side = -Self.quietZone..<(moduleCount + Self.quietZone)
    for y in stride(from: side.lowerBound, to: side.upperBound, by: 2) {
      text += start
      for x in side {
        switch (isDark(x, y) == drawn, isDark(x, y + 1) == drawn) {
        case (true, true): text += "█"
        case (true, false): text += "▀"
        case (false, true): text += "▄"
        case (false, false): text += " "
        }
      }
      text += end
    }
    return text
  }
}
