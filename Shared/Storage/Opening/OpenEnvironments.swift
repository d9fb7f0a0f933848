internal import Synchronization

/// The environments this process has open. Two openings of one LMDB file in a process break each
/// other: closing either drops the file locks of both, and with them every reader slot.
enum OpenEnvironments {
  private static let identities = Mutex<Set<FileIdentity>>([])

  /// What must not be open twice: the directory, so that links to it are found out, and the files
  /// in it, which may be hard links.
  private static func identities(of directory: String) -> [FileIdentity] {
    [directory, "\(directory)/data.mdb", "\(directory)/lock.mdb"].compactMap {
      FileIdentity(path: $0)
    }
  }

  /// Runs `open` unless the environment is open already; a success is remembered until `close`.
  /// Returns what to hand to `close` beside what `open` returned. Openings in one process wait for
  /// one another.
  static func open<R: Sendable>(
    _ directory: String, _ open: () throws(StorageError) -> R
  ) throws(StorageError) -> (opened: Set<FileIdentity>, R) {
    try identities.withLock { known throws(StorageError) in
      guard known.isDisjoint(with: identities(of: directory)) else {
        throw StorageError(
          .alreadyOpen, "opening \(directory)",
          "this process has it open already (perhaps by another name); share that one")
      }
      let value = try open()
      let opened = Set(identities(of: directory))
      known.formUnion(opened)
      return (opened, value)
    }
  }

  /// Runs `close` and forgets the environment.
  static func close(_ opened: Set<FileIdentity>, _ close: () -> Void) {
    identities.withLock { known in
      close()
      known.subtract(opened)
    }
  }
}
