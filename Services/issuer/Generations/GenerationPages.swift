import Codes
import Security
import Server
import StatusCache

/// The pages of a generation or shard on disk, checked as they are read: every page by its own
/// checksum, all of them by the digest in the manifest.
struct GenerationPages {
  let manifest: GenerationManifest
  private let file: RandomFile
  private let range: Range<Int>
  private var hasher = SHA256Hasher()
  private var next: Int

  init(directory: String, manifest: GenerationManifest) throws {
    self.manifest = manifest
    range = manifest.shard.pages(of: manifest.base)
    next = range.lowerBound
    let path = "\(directory)/\(GenerationDirectory.pagesName)"
    do throws(System.Fault) {
      file = try RandomFile(reading: path)
    } catch {
      throw GenerationDirectory.Damaged(path: path, reason: error.description)
    }
    let bytes = try file.byteCount()
    guard bytes == range.count * StatusPage.byteCount else {
      throw damaged("has \(bytes) bytes instead of \(range.count * StatusPage.byteCount)")
    }
  }

  /// The number of the page that `read` reads next.
  var position: Int { next }
  var isAtEnd: Bool { next == range.upperBound }

  /// Reads the next pages, `count` of them or what is left, in place of what is in `pages`.
  mutating func read(_ count: Int, into pages: inout [UInt8]) throws {
    let count = min(count, range.upperBound - next)
    let byteCount = count * StatusPage.byteCount
    if pages.count != byteCount { pages = [UInt8](repeating: 0, count: byteCount) }
    try file.read(into: &pages, at: (next - range.lowerBound) * StatusPage.byteCount)
    let bytes = pages.span
    for index in 0..<count {
      let start = index * StatusPage.byteCount
      let page = bytes.extracting(start..<start + StatusPage.byteCount)
      guard StatusPage.isIntact(page), StatusPage.version(page) == manifest.base.position else {
        throw damaged("page \(next + index) is damaged")
      }
    }
    hasher.update(bytes)
    next += count
  }

  /// Throws unless all pages were read and are those the manifest was signed for.
  mutating func finish() throws {
    guard isAtEnd, hasher.finalize() == manifest.pagesDigest else {
      throw damaged("the pages are not those the manifest was signed for")
    }
  }

  private func damaged(_ reason: String) -> GenerationDirectory.Damaged {
    GenerationDirectory.Damaged(
      path: file.path, reason: "\(reason): compute it anew, or restore it from a backup")
  }
}
