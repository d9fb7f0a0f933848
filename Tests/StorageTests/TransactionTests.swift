import Storage
import Support
import Testing

@Suite struct TransactionTests {
  private let directory: TemporaryDirectory
  private let environment: Environment

  init() throws {
    directory = try TemporaryDirectory()
    environment = try Environment(directory: directory.path, mapSizeBytes: 64 << 20)
  }

  private func text(_ string: String) -> [UInt8] { Array(string.utf8) }

  private func value(_ table: Table, _ key: String) throws -> String? {
    try environment.read { transaction throws(StorageError) in
      try transaction.get(table, key: text(key).span) { $0.text }
    }
  }

  @Test("a committed value is read back, in the same process and after reopening")
  func roundTrip() throws {
    let path = try TemporaryDirectory()
    do {
      let first = try Environment(directory: path.path, mapSizeBytes: 8 << 20)
      let names = try first.table("names")
      try first.write { transaction throws(StorageError) in
        try transaction.put(names, key: text("a").span, value: text("eins").span)
        #expect(try transaction.get(names, key: text("a").span) { $0.text } == "eins")
      }
    }
    let second = try Environment(directory: path.path, for: .readOnly)
    let names = try second.table("names")
    let stored = try second.read { transaction throws(StorageError) in
      try transaction.get(names, key: text("a").span) { $0.text }
    }
    #expect(stored == "eins")
  }

  @Test("throwing out of a write leaves nothing behind and names the directory")
  func abort() throws {
    let table = try environment.table("names")
    let error = #expect(throws: StorageError.self) {
      try environment.write { transaction throws(StorageError) in
        try transaction.put(table, key: text("a").span, value: text("eins").span)
        throw StorageError(.other, "deciding", "changed its mind")
      }
    }
    #expect(error?.description.contains(directory.path) == true)
    #expect(try value(table, "a") == nil)
    try environment.write { transaction throws(StorageError) in
      try transaction.put(table, key: text("a").span, value: text("zwei").span)
    }
    #expect(try value(table, "a") == "zwei")
  }

  @Test("delete says whether there was an entry")
  func delete() throws {
    let table = try environment.table("names")
    let numbers = try environment.table("numbers", integerKeys: true)
    try environment.write { transaction throws(StorageError) in
      try transaction.put(table, key: text("a").span, value: text("").span)
      #expect(try transaction.delete(table, key: text("a").span))
      #expect(try !transaction.delete(table, key: text("a").span))
      try transaction.put(numbers, key: 7, value: text("").span)
      #expect(try transaction.get(numbers, key: 7) { $0.count } == 0)
      #expect(try transaction.delete(numbers, key: 7))
      #expect(try !transaction.delete(numbers, key: 7))
    }
  }

  @Test("integer keys are visited in numeric order from any start, until told to stop")
  func integerOrder() throws {
    let table = try environment.table("numbers", integerKeys: true)
    let keys: [UInt64] = [1, 255, 256, 65_536, 1 << 40, .max]
    try environment.write { transaction throws(StorageError) in
      for key in keys.reversed() {
        try transaction.put(table, key: key, value: text("\(key)").span)
      }
    }
    var seen: [UInt64] = []
    try environment.read { transaction throws(StorageError) in
      try transaction.forEach(table, from: 0) { key, value in
        #expect(value.text == "\(key)")
        seen.append(key)
        return true
      }
      #expect(try transaction.lastKey(table) == .max)
      #expect(try transaction.count(table) == keys.count)
    }
    #expect(seen == keys)
    seen = []
    try environment.read { transaction throws(StorageError) in
      try transaction.forEach(table, from: 257) { key, _ in
        seen.append(key)
        return seen.count < 2
      }
    }
    #expect(seen == [65_536, 1 << 40])
  }

  @Test("byte keys are visited in byte order, and ranges are deleted from the front")
  func byteOrder() throws {
    let table = try environment.table("names")
    try environment.write { transaction throws(StorageError) in
      for key in ["d", "b", "c", "a", "bb"] {
        try transaction.put(table, key: text(key).span, value: text(key).span)
      }
    }
    func keys(from start: String = "") throws -> [String] {
      var keys: [String] = []
      try environment.read { transaction throws(StorageError) in
        try transaction.forEach(table, from: text(start).span) { key, _ in
          keys.append(key.text)
          return true
        }
      }
      return keys
    }
    #expect(try keys() == ["a", "b", "bb", "c", "d"])
    #expect(try keys(from: "ba") == ["bb", "c", "d"])
    #expect(try keys(from: "e") == [])
    try environment.write { transaction throws(StorageError) in
      #expect(try transaction.deleteRange(table, before: text("c").span, limit: 2) == 2)
      #expect(try transaction.deleteRange(table, before: text("c").span, limit: 2) == 1)
      #expect(try transaction.deleteRange(table, before: text("c").span, limit: 2) == 0)
    }
    #expect(try keys() == ["c", "d"])
    let last = try environment.read { transaction throws(StorageError) in
      try transaction.lastKeyBytes(table)
    }
    #expect(last == text("d"))
  }

  @Test("ranges of integer keys are deleted inside their bounds only")
  func integerRange() throws {
    let table = try environment.table("numbers", integerKeys: true)
    try environment.write { transaction throws(StorageError) in
      for key in UInt64(0)..<100 { try transaction.append(table, key: key, value: text("1").span) }
      #expect(try transaction.deleteRange(table, 10..<90, limit: 50) == 50)
      #expect(try transaction.deleteRange(table, 10..<90, limit: 50) == 30)
      #expect(try transaction.count(table) == 20)
      try transaction.empty(table)
      #expect(try transaction.count(table) == 0)
      #expect(try transaction.lastKey(table) == nil)
    }
  }

  @Test("an append that is not above all others is refused as out of order")
  func appendOrder() throws {
    let table = try environment.table("numbers", integerKeys: true)
    let error = #expect(throws: StorageError.self) {
      try environment.write { transaction throws(StorageError) in
        try transaction.append(table, key: 2, value: text("1").span)
        try transaction.append(table, key: 1, value: text("1").span)
      }
    }
    #expect(error?.code == .outOfOrder)
  }

  @Test("keys that are empty or too long are refused", arguments: [0, 512])
  func badKey(byteCount: Int) throws {
    let table = try environment.table("names")
    let error = #expect(throws: StorageError.self) {
      try environment.write { transaction throws(StorageError) in
        let key = [UInt8](repeating: 1, count: byteCount)
        try transaction.put(table, key: key.span, value: text("1").span)
      }
    }
    #expect(error?.code == .badKey)
  }

  @Test("a view does not change while it is held, whatever is committed meanwhile")
  func isolation() throws {
    let table = try environment.table("numbers", integerKeys: true)
    let session = try ReadSession(environment)
    func put(_ byte: UInt8) throws {
      try environment.write { transaction throws(StorageError) in
        try transaction.put(table, key: 1, value: text(String(byte)).span)
      }
    }
    try put(1)
    try session.renew()
    try put(2)
    #expect(try session.get(table, key: 1) { $0.text } == "1")
    try session.renew()
    #expect(try session.get(table, key: 1) { $0.text } == "2")
    session.reset()
    session.reset()
    #expect(!session.isOpen)
    try put(3)
    try session.renew()
    #expect(try session.get(table, key: 1) { $0.text } == "3")
    #expect(try session.get(table, key: 9) { $0.text } == nil)
  }

  @Test("a table keeps its kind of keys")
  func tableKind() throws {
    let path = try TemporaryDirectory()
    do {
      let first = try Environment(directory: path.path, mapSizeBytes: 8 << 20)
      _ = try first.table("numbers", integerKeys: true)
      #expect(try first.table("numbers", integerKeys: true).integerKeys)
    }
    let second = try Environment(directory: path.path, for: .readOnly)
    #expect(throws: StorageError.self) { try second.table("numbers") }
    let missing = #expect(throws: StorageError.self) { try second.table("others") }
    #expect(missing?.code == .missingTable)
  }

  @Test("appending writes 200,000 small rows well within a second a million")
  func appendSpeed() throws {
    let table = try environment.table("numbers", integerKeys: true)
    let value: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
    let duration = try ContinuousClock().measure {
      for chunk in UInt64(0)..<4 {
        try environment.write { transaction throws(StorageError) in
          for key in chunk * 50_000..<(chunk + 1) * 50_000 {
            try transaction.append(table, key: key, value: value.span)
          }
        }
      }
    }
    #expect(duration < .seconds(10))
    let count = try environment.read { transaction throws(StorageError) in
      try transaction.count(table)
    }
    #expect(count == 200_000)
  }
}

extension Span<UInt8> {
  var text: String {
    var bytes: [UInt8] = []
    for index in indices { bytes.append(self[index]) }
    return String(decoding: bytes, as: UTF8.self)
  }
}
