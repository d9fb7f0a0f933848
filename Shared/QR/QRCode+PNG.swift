internal import CPNG

extension QRCode {
  /// Draws the code as a PNG of exactly `sizePixels` by `sizePixels`, black on white, 1 bit a
  /// pixel.
  package func png(sizePixels: Int) throws(QRError) -> [UInt8] {
    let layout = try PixelLayout(self, sizePixels: sizePixels)
    let pixels = pixels(layout, sizePixels: sizePixels)
    var image = unsafe png_image()
    unsafe image.version = UInt32(PNG_IMAGE_VERSION)
    unsafe image.width = UInt32(sizePixels)
    unsafe image.height = UInt32(sizePixels)
    // A palette of two colours is what makes libpng write 1 bit a pixel.
    unsafe image.format = UInt32(PNG_FORMAT_FLAG_COLOR | PNG_FORMAT_FLAG_COLORMAP)
    unsafe image.colormap_entries = 2
    // Half the time for a tenth more bytes.
    unsafe image.flags = UInt32(PNG_IMAGE_FLAG_FAST)
    let palette: [UInt8] = [255, 255, 255, 0, 0, 0]
    // The rows without any compression, and generous room for headers.
    var byteCount: png_alloc_size_t = sizePixels * (sizePixels / 8 + 8) + 4096
    var output: [UInt8] = []
    var written: Int32 = 0
    output.append(addingCapacity: byteCount) { target in
      unsafe target.withUnsafeMutableBufferPointer { buffer, initialized in
        written = unsafe png_image_write_to_memory(
          &image, buffer.baseAddress, &byteCount, 0, pixels, Int32(sizePixels), palette)
        if written != 0 { initialized = byteCount }
      }
    }
    guard written != 0 else { throw QRError(.engineFailure, "libpng failed to write the picture") }
    return output
  }

  /// One byte a pixel: 1 is dark.
  private func pixels(_ layout: PixelLayout, sizePixels: Int) -> [UInt8] {
    var pixels = [UInt8](repeating: 0, count: sizePixels * sizePixels)
    for y in 0..<moduleCount {
      let top = (layout.offset + y * layout.scale) * sizePixels
      for x in 0..<moduleCount where isDark(x, y) {
        let start = top + layout.offset + x * layout.scale
        for row in 0..<layout.scale {
          for column in 0..<layout.scale { pixels[start + row * sizePixels + column] = 1 }
        }
      }
    }
    return pixels
  }
}
