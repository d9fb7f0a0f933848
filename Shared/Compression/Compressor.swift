internal import CZlib
internal import CZstd

/// Packs a stream of bytes into one gzip member or one zstd frame, at the fast end of either.
@safe package final class Compressor {
  @safe private enum Engine {
    /// On the heap: zlib keeps the stream's address.
    case gzip(UnsafeMutablePointer<z_stream>)
    case zstd(OpaquePointer)
  }

  private let engine: Engine
  private static let chunkBytes = 1 << 17

  /// Begins a stream.
  package init(_ format: CompressionFormat) throws(CompressionError) {
    switch format {
    case .gzip:
      let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
      unsafe stream.initialize(to: z_stream())
      guard unsafe citycode_gzip_deflate_init(stream, 1) == Z_OK else {
        unsafe stream.deallocate()
        throw .outOfMemory
      }
      unsafe engine = .gzip(stream)
    case .zstd:
      guard let context = unsafe ZSTD_createCCtx() else { throw .outOfMemory }
      _ = unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, 1)
      _ = unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
      unsafe engine = .zstd(context)
    }
  }

  deinit {
    switch engine {
    case .gzip(let stream):
      _ = unsafe deflateEnd(stream)
      unsafe stream.deallocate()
    case .zstd(let context): _ = unsafe ZSTD_freeCCtx(context)
    }
  }

  /// Appends what of `bytes` comes out now; the rest comes later.
  package func append(
    _ bytes: Span<UInt8>, into output: inout [UInt8]
  ) throws(CompressionError) {
    try run(bytes, isLast: false, into: &output)
  }

  /// Appends what is left. The compressor is of no more use.
  package func finish(into output: inout [UInt8]) throws(CompressionError) {
    try run([UInt8]().span, isLast: true, into: &output)
  }

  private func run(
    _ bytes: Span<UInt8>, isLast: Bool, into output: inout [UInt8]
  ) throws(CompressionError) {
    var taken = 0
    var isDone = false
    var failure: CompressionError?
    while !isDone, failure == nil {
      output.append(addingCapacity: Self.chunkBytes) { target in
        unsafe target.withUnsafeMutableBufferPointer { target, initialized in
          unsafe bytes.withUnsafeBufferPointer { source in
            let step = unsafe step(source, from: &taken, isLast: isLast, into: target)
            initialized = step.written
            isDone = step.isDone
            failure = step.failure
          }
        }
      }
    }
    if let failure { throw failure }
  }

  private func step(
    _ source: UnsafeBufferPointer<UInt8>, from taken: inout Int, isLast: Bool,
    into target: UnsafeMutableBufferPointer<UInt8>
  ) -> (written: Int, isDone: Bool, failure: CompressionError?) {
    switch engine {
    case .gzip(let stream):
      // zlib counts in 32 bits.
      let count = min(source.count - taken, 1 << 30)
      if let base = source.baseAddress {
        unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: base + taken)
      }
      unsafe stream.pointee.avail_in = UInt32(count)
      unsafe stream.pointee.next_out = target.baseAddress
      unsafe stream.pointee.avail_out = UInt32(target.count)
      let result = unsafe deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH)
      taken += count - Int(unsafe stream.pointee.avail_in)
      let room = Int(unsafe stream.pointee.avail_out)
      let isDone = isLast ? result == Z_STREAM_END : taken == source.count && room > 0
      return (
        target.count - room, isDone,
        result == Z_STREAM_ERROR ? .damaged("deflate refused its stream") : nil
      )
    case .zstd(let context):
      var input = unsafe ZSTD_inBuffer(
        src: source.baseAddress.map { unsafe UnsafeRawPointer($0) }, size: source.count,
        pos: taken)
      var output = unsafe ZSTD_outBuffer(
        dst: target.baseAddress.map { UnsafeMutableRawPointer($0) }, size: target.count,
        pos: 0)
      let left = unsafe ZSTD_compressStream2(
        context, &output, &input, isLast ? ZSTD_e_end : ZSTD_e_continue)
      if ZSTD_isError(left) != 0 {
        return (0, true, .damaged(unsafe String(cString: ZSTD_getErrorName(left))))
      }
      taken = unsafe input.pos
      let isDone = isLast ? left == 0 : taken == source.count
      return unsafe (output.pos, isDone, nil)
    }
  }
}
