internal import CNghttp2
internal import Glibc

/// The two largest things the library allocates for a session: the 16 KiB in which it builds each
/// frame to send, and the table of its streams, which is made for hundreds of them. They get pages
/// of their own, so that an idle connection can lend them to the system. The other allocations are
/// left to the C library.
@safe struct FrameBuffer {
  /// The table's page, and behind it the frame's.
  private var start: UnsafeMutableRawPointer?
  private var hasTable = false
  private var hasFrame = false

  /// The library asks for the header of a frame, one octet, and 16,384 more.
  private static let frameBytes = 16_394
  /// 256 places of 16 octets.
  private static let tableBytes = 4_096
  private static let pageBytes = 4_096
  private static let byteCount = pageBytes + 20_480

  /// Gives the pages back to the system; they are zero when touched again. Only while the library
  /// has nothing to send. A table without streams is zero anyway; another one is kept.
  func release() {
    guard let start = unsafe start else { return }
    let words = unsafe UnsafeRawBufferPointer(start: start, count: Self.pageBytes)
      .assumingMemoryBound(to: UInt64.self)
    let kept = unsafe words.allSatisfy { $0 == 0 } ? 0 : Self.pageBytes
    _ = unsafe madvise(start + kept, Self.byteCount - kept, MADV_DONTNEED)
  }

  /// Frees the pages, after the library's session.
  func free() {
    unsafe Glibc.free(start)
  }

  private mutating func allocatePages() -> UnsafeMutableRawPointer? {
    if unsafe start == nil {
      unsafe start = aligned_alloc(Self.pageBytes, Self.byteCount)
      // What comes from the heap may have been touched by others: give that back, too.
      if let start = unsafe start {
        unsafe memset(start, 0, Self.tableBytes)
        release()
      }
    }
    return unsafe start
  }

  private mutating func allocateFrame(_ byteCount: Int) -> UnsafeMutableRawPointer? {
    guard byteCount == Self.frameBytes, !hasFrame, let start = unsafe allocatePages() else {
      return unsafe malloc(byteCount)
    }
    hasFrame = true
    return unsafe start + Self.pageBytes
  }

  private mutating func allocateZeros(_ count: Int, _ size: Int) -> UnsafeMutableRawPointer? {
    guard count * size == Self.tableBytes, !hasTable, let start = unsafe allocatePages() else {
      return unsafe calloc(count, size)
    }
    hasTable = true
    return unsafe start
  }

  /// Whether `pointer` is one of the two, which are freed together.
  private func owns(_ pointer: UnsafeMutableRawPointer) -> Bool {
    guard let start = unsafe start else { return false }
    return unsafe pointer == start || pointer == start + Self.pageBytes
  }

  private func resize(
    _ pointer: UnsafeMutableRawPointer, _ byteCount: Int
  ) -> UnsafeMutableRawPointer? {
    guard unsafe owns(pointer) else { return unsafe realloc(pointer, byteCount) }
    // The library does not do this; if another version does, it gets memory of the common kind.
    guard let larger = unsafe malloc(byteCount) else { return nil }
    let old = unsafe pointer == start ? Self.tableBytes : Self.frameBytes
    unsafe larger.copyMemory(from: pointer, byteCount: min(old, byteCount))
    return unsafe larger
  }

  /// Calls `body` with allocation functions that note the pages in `inbox`.
  static func withAllocator(
    of inbox: Box<ServerInbox>, _ body: (UnsafeMutablePointer<nghttp2_mem>) -> Int32
  ) -> Int32 {
    var memory = unsafe nghttp2_mem(
      mem_user_data: inbox.address,
      malloc: { size, _ in unsafe malloc(size) },
      free: { pointer, user in
        guard let pointer = unsafe pointer else { return }
        if unsafe !Box<ServerInbox>(at: user!).value.frameBuffer.owns(pointer) {
          unsafe Glibc.free(pointer)
        }
      },
      calloc: { count, size, user in
        unsafe Box<ServerInbox>(at: user!).value.frameBuffer.allocateZeros(count, size)
      },
      realloc: { pointer, size, user in
        // The library's buffers begin as a nil pointer that grows.
        guard let pointer = unsafe pointer else {
          return unsafe Box<ServerInbox>(at: user!).value.frameBuffer.allocateFrame(size)
        }
        return unsafe Box<ServerInbox>(at: user!).value.frameBuffer.resize(pointer, size)
      })
    return unsafe body(&memory)
  }
}
