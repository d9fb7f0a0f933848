extension QRCode {
  /// Draws the code as an SVG of `sizePixels` by `sizePixels`, black on white, as UTF-8. At this
  /// size, and at whole multiples of it, modules are whole pixels.
  package func svg(sizePixels: Int) throws(QRError) -> [UInt8] {
    let layout = try PixelLayout(self, sizePixels: sizePixels)
    let head = """
      <svg xmlns="http://www.w3.org/2000/svg" width="\(sizePixels)" height="\(sizePixels)" \
      viewBox="0 0 \(sizePixels) \(sizePixels)" shape-rendering="crispEdges">\
      <path fill="#fff" d="M0 0h\(sizePixels)v\(sizePixels)H0z"/>\
      <path fill="#000" \
      transform="translate(\(layout.offset) \(layout.offset)) scale(\(layout.scale))" d="
      """
    var output: [UInt8] = []
    output.reserveCapacity(head.utf8.count + 4 * moduleCount * moduleCount)
    output.append(contentsOf: head.utf8)
    for y in 0..<moduleCount { appendRuns(of: y, to: &output) }
    output.append(contentsOf: "\"/></svg>\n".utf8)
    return output
  }

  /// Appends one rectangle for each run of dark modules in a row.
  private func appendRuns(of y: Int, to output: inout [UInt8]) {
    var x = 0
    while x < moduleCount {
      let start = x
      while isDark(x, y) { x += 1 }
      guard x > start else {
        x += 1
        continue
      }
      output.append(UInt8(ascii: "M"))
      append(start, to: &output)
      output.append(UInt8(ascii: " "))
      append(y, to: &output)
      output.append(UInt8(ascii: "h"))
      append(x - start, to: &output)
      output.append(contentsOf: "v1h-".utf8)
      append(x - start, to: &output)
      output.append(UInt8(ascii: "z"))
    }
  }

  /// Appends a number below 1,000; a symbol has at most 177 modules.
  private func append(_ number: Int, to output: inout [UInt8]) {
    if number >= 100 { output.append(UInt8(ascii: "0") + UInt8(number / 100)) }
    if number >= 10 { output.append(UInt8(ascii: "0") + UInt8(number / 10 % 10)) }
    output.append(UInt8(ascii: "0") + UInt8(number % 10))
  }
}
