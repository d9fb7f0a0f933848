internal import CNghttp2
internal import Glibc

/// The largest thing a session owns: the 16 KiB in which the library builds each frame to send. It
/// is allocated in pages of its own, so that an idle connection can lend them to the system. The
/// other allocations are left to the C library.
@safe struct FrameBuffer {
  private var start: UnsafeMutableRawPointer?

  /// The library asks for the header of a frame, one octet, and 16,384 more.
  private static let libraryBytes = 16_394
  private static let byteCount = 20_480
  private static let pageBytes = 4_096

  /// Gives the pages back to the system; they are zero when touched again. Only while the library
  /// has nothing to send.
  func release() {
    guard let start = unsafe start else { return }
    _ = unsafe madvise(start, Self.byteCount, MADV_DONTNEED)
  }

  private mutating func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer? {
    guard byteCount == Self.libraryBytes, unsafe start == nil else {
      return unsafe malloc(byteCount)
    }
    unsafe start = aligned_alloc(Self.pageBytes, Self.byteCount)
    // What comes from the heap may have been touched by others.
    release()
    return unsafe start
  }

  /// Calls `body` with allocation functions that note the frame buffer in `inbox`.
  static func withAllocator(
    of inbox: Box<ServerInbox>, _ body: (UnsafeMutablePointer<nghttp2_mem>) -> Int32
  ) -> Int32 {
    var memory = unsafe nghttp2_mem(
      mem_user_data: inbox.address,
      malloc: { size, _ in unsafe malloc(size) },
      free: { pointer, _ in unsafe free(pointer) },
      calloc: { count, size, _ in unsafe calloc(count, size) },
      realloc: { pointer, size, user in
        // The library's buffers begin as a nil pointer that grows.
        guard unsafe pointer == nil else { return unsafe realloc(pointer, size) }
        return unsafe Box<ServerInbox>(at: user!).value.frameBuffer.allocate(size)
      })
    return unsafe body(&memory)
  }
}
