import Glibc

extension System {
  /// The names in `directory`, sorted, without those of itself and its parent.
  package static func names(in directory: String) throws(Fault) -> [String] {
    try files(in: directory, suffix: "").filter { $0 != "." && $0 != ".." }
  }

  /// Whether there is something at `path`.
  package static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

  /// Gives the file or directory at `path` the name `target`; a directory that is there and not
  /// empty is not replaced (ENOTEMPTY). After a power cut one of the two names is there: the new
  /// one, if this was done `durably`.
  package static func move(
    _ path: String, to target: String, durably: Bool = true
  ) throws(Fault) {
    guard unsafe rename(path, target) == 0 else {
      throw Fault(operation: "rename to", path: target, errno: errno)
    }
    if durably { try syncDirectory(parent(of: target)) }
  }

  /// Makes what was made, renamed or removed in `directory` survive a power cut.
  package static func syncDirectory(_ directory: String) throws(Fault) {
    let descriptor = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Fault(operation: "open", path: directory, errno: errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else {
      throw Fault(operation: "sync", path: directory, errno: errno)
    }
  }

  /// Removes the file at `path`; none is as good.
  package static func removeFile(_ path: String) throws(Fault) {
    guard unsafe unlink(path) == 0 || errno == ENOENT else {
      throw Fault(operation: "remove", path: path, errno: errno)
    }
  }

  /// Removes the directory at `path` with the files in it; none is as good.
  package static func removeDirectory(_ path: String) throws(Fault) {
    guard exists(path) else { return }
    for name in try names(in: path) { try removeFile("\(path)/\(name)") }
    guard unsafe rmdir(path) == 0 || errno == ENOENT else {
      throw Fault(operation: "remove", path: path, errno: errno)
    }
  }

  /// Removes the file or directory at `path` with all that is in it; none is as good.
  package static func removeTree(_ path: String) throws(Fault) {
    if unsafe unlink(path) == 0 || errno == ENOENT { return }
    guard errno == EISDIR || errno == EPERM else {
      throw Fault(operation: "remove", path: path, errno: errno)
    }
    for name in try names(in: path) { try removeTree("\(path)/\(name)") }
    guard unsafe rmdir(path) == 0 || errno == ENOENT else {
      throw Fault(operation: "remove", path: path, errno: errno)
    }
  }

  /// The bytes that this user may still write to the file system on which `directory` lies.
  package static func freeBytes(_ directory: String) throws(Fault) -> Int {
    var information = statvfs()
    guard unsafe statvfs(directory, &information) == 0 else {
      throw Fault(operation: "measure", path: directory, errno: errno)
    }
    return Int(information.f_bavail) * Int(information.f_frsize)
  }

  /// The directory in which `path` lies.
  package static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}
