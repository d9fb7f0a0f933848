import Storage

/// What a second process does to an environment.
enum EnvironmentProbe {
  /// hold DIRECTORY readOnly|readWrite [view]: keeps it open, with a read view if asked, until
  /// the input ends.
  static func hold(_ directory: String, _ arguments: [String]) throws {
    let environment = try Environment(
      directory: directory, mapSizeBytes: 64 << 20,
      for: arguments.first == "readWrite" ? .readWrite : .readOnly)
    let session = try ReadSession(environment)
    if arguments.contains("view") { try session.renew() }
    Probe.say("open")
    Probe.wait()
    session.reset()
  }

  /// write DIRECTORY MEGABYTES [stay]: writes as much in rows of 100 kB under ever new keys; with
  /// "stay", stays inside one more transaction until the input ends.
  static func write(_ directory: String, _ arguments: [String]) throws {
    let environment = try Environment(directory: directory, mapSizeBytes: 256 << 20)
    let table = try environment.table("rows", integerKeys: true)
    let value = [UInt8](repeating: 7, count: 100_000)
    let count = (Int(arguments.first ?? "") ?? 1) * 10
    try environment.write { transaction throws(StorageError) in
      var key = try transaction.lastKey(table) ?? 0
      for _ in 0..<count {
        key += 1
        try transaction.put(table, key: key, value: value.span)
      }
    }
    Probe.say("written")
    guard arguments.contains("stay") else { return Probe.wait() }
    try environment.write { transaction throws(StorageError) in
      try transaction.put(table, key: 1, value: value.span)
      Probe.say("inside")
      Probe.wait()
    }
    Probe.say("committed")
  }

  /// fill DIRECTORY: writes until the disk is full, and says what happens then.
  static func fill(_ directory: String, _ arguments: [String]) throws {
    let environment = try Environment(directory: directory, mapSizeBytes: 256 << 20)
    let table = try environment.table("rows", integerKeys: true)
    let value = [UInt8](repeating: 7, count: 100_000)
    var last: UInt64 = 0
    do throws(StorageError) {
      while last < 10_000 {
        try environment.write { transaction throws(StorageError) in
          try transaction.put(table, key: last + 1, value: value.span)
        }
        last += 1
      }
    } catch {
      Probe.say("full \(error.code.rawValue)")
    }
    let count = try environment.read { transaction throws(StorageError) in
      try transaction.count(table)
    }
    Probe.say(count == Int(last) && last > 0 ? "readable" : "lost rows: \(count) of \(last)")
    // What one transaction frees can be used again from the next but one on.
    for key in last - 10..<last {
      try environment.write { transaction throws(StorageError) in
        try transaction.delete(table, key: key)
      }
    }
    try environment.write { transaction throws(StorageError) in
      try transaction.put(table, key: last + 1, value: value.span)
    }
    Probe.say("writable")
  }
}
