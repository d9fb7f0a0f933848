internal import CZlib
internal import CZstd

/// Unpacks a file of gzip members or zstd frames, one behind the other, fed in chunks of any size.
@safe package final class Decompressor {
  @safe private enum Engine {
    /// On the heap: zlib keeps the stream's address.
    case gzip(UnsafeMutablePointer<z_stream>)
    case zstd(OpaquePointer)
  }

  private let engine: Engine
  /// Between two frames, where a file may end.
  private var isBetweenFrames = true

  /// Begins a file.
  package init(_ format: CompressionFormat) throws(CompressionError) {
    switch format {
    case .gzip:
      let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
      unsafe stream.initialize(to: z_stream())
      guard unsafe citycode_gzip_inflate_init(stream) == Z_OK else {
        unsafe stream.deallocate()
        throw .outOfMemory
      }
      unsafe engine = .gzip(stream)
    case .zstd:
      guard let context = unsafe ZSTD_createDCtx() else { throw .outOfMemory }
      unsafe engine = .zstd(context)
    }
  }

  deinit {
    switch engine {
    case .gzip(let stream):
      _ = unsafe inflateEnd(stream)
      unsafe stream.deallocate()
    case .zstd(let context): _ = unsafe ZSTD_freeDCtx(context)
    }
  }

  /// Unpacks from the front of `input` until all is taken or `output` has `byteCountMax` bytes
  /// more, and returns how many bytes of `input` it took. Call it again with the rest; with all
  /// taken and fewer than `byteCountMax` bytes given, nothing is kept back.
  package func decompress(
    _ input: Span<UInt8>, into output: inout [UInt8], byteCountMax: Int
  ) throws(CompressionError) -> Int {
    var taken = 0
    var failure: CompressionError?
    output.append(addingCapacity: byteCountMax) { target in
      unsafe target.withUnsafeMutableBufferPointer { target, initialized in
        unsafe input.withUnsafeBufferPointer { source in
          failure = unsafe fill(target, &initialized, from: source, &taken)
        }
      }
    }
    if let failure { throw failure }
    return taken
  }

  /// To be called where the file ends.
  package func finish() throws(CompressionError) {
    guard isBetweenFrames else { throw .cut }
  }

  private func fill(
    _ target: UnsafeMutableBufferPointer<UInt8>, _ written: inout Int,
    from source: UnsafeBufferPointer<UInt8>, _ taken: inout Int
  ) -> CompressionError? {
    while written < target.count {
      let before = (taken, written)
      let failure =
        switch engine {
        case .gzip(let stream): unsafe inflate(stream, target, &written, source, &taken)
        case .zstd(let context): unsafe inflate(context, target, &written, source, &taken)
        }
      if let failure { return failure }
      if (taken, written) == before { return nil }
    }
    return nil
  }

  private func inflate(
    _ stream: UnsafeMutablePointer<z_stream>, _ target: UnsafeMutableBufferPointer<UInt8>,
    _ written: inout Int, _ source: UnsafeBufferPointer<UInt8>, _ taken: inout Int
  ) -> CompressionError? {
    // zlib counts in 32 bits.
    let count = min(source.count - taken, 1 << 30)
    let room = min(target.count - written, 1 << 30)
    guard let from = source.baseAddress, let to = target.baseAddress, room > 0
    else { return nil }
    if isBetweenFrames {
      guard count > 0 else { return nil }
      isBetweenFrames = false
    }
    unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: from + taken)
    unsafe stream.pointee.avail_in = UInt32(count)
    unsafe stream.pointee.next_out = to + written
    unsafe stream.pointee.avail_out = UInt32(room)
    let result = unsafe CZlib.inflate(stream, Z_NO_FLUSH)
    taken += count - Int(unsafe stream.pointee.avail_in)
    written += room - Int(unsafe stream.pointee.avail_out)
    switch result {
    case Z_OK, Z_BUF_ERROR: return nil
    case Z_STREAM_END:
      isBetweenFrames = true
      return unsafe inflateReset(stream) == Z_OK ? nil : .damaged("zlib cannot begin again")
    case Z_MEM_ERROR: return .outOfMemory
    default:
      let text = unsafe stream.pointee.msg.map { unsafe String(cString: $0) }
      return .damaged(text ?? "zlib error \(result)")
    }
  }

  private func inflate(
    _ context: OpaquePointer, _ target: UnsafeMutableBufferPointer<UInt8>,
    _ written: inout Int, _ source: UnsafeBufferPointer<UInt8>, _ taken: inout Int
  ) -> CompressionError? {
    if isBetweenFrames, taken == source.count { return nil }
    var input = unsafe ZSTD_inBuffer(
      src: source.baseAddress.map { unsafe UnsafeRawPointer($0) }, size: source.count, pos: taken)
    var output = unsafe ZSTD_outBuffer(
      dst: target.baseAddress.map { UnsafeMutableRawPointer($0) }, size: target.count,
      pos: written)
    let left = unsafe ZSTD_decompressStream(context, &output, &input)
    if ZSTD_isError(left) != 0 {
      return .damaged(unsafe String(cString: ZSTD_getErrorName(left)))
    }
    unsafe (taken, written) = (input.pos, output.pos)
    isBetweenFrames = left == 0
    return nil
  }
}
