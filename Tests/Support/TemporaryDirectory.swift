import Foundation

/// A directory that is removed with everything in it when this value goes.
package final class TemporaryDirectory: Sendable {
  package let path: String

  /// In memory if `quick`, where the machine has such a place: for tests that commit thousands of
  /// times and are not about disks.
  package init(quick: Bool = false) throws {
    let memory = "/dev/shm"
    let parent =
      quick && FileManager.default.isWritableFile(atPath: memory)
      ? memory : FileManager.default.temporaryDirectory.path
    path = "\(parent)/citycode-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
