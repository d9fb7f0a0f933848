internal import CRecords
import Glibc

/// Zeroed memory of the system's, outside of any heap: it goes back as soon as it is let go.
@safe
final class Memory: @unchecked Sendable {
  // Not written by two threads at one place: whoever shares it sees to that.
  let start: UnsafeMutableRawPointer
  let byteCount: Int

  init(byteCount: Int) throws(RecordsError) {
    let size = max(4_096, byteCount)
    let address = unsafe mmap(
      nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw RecordsError(operation: "get", path: "\(byteCount >> 20) MiB of memory", errno: errno)
    }
    // Large pages spare most of the TLB misses of what is read at random. Without them it works,
    // too.
    unsafe madvise(address, size, Int32(MADV_HUGEPAGE))
    unsafe start = address
    self.byteCount = size
  }

  deinit { unsafe munmap(start, byteCount) }
}

/// Asks the processor for the memory at `address`.
@usableFromInline
func prefetch(_ address: UnsafeRawPointer) { unsafe citycode_prefetch(address) }
