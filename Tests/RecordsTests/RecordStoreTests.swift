import Records
import Support
import Synchronization
import Testing

@Suite struct RecordStoreTests {
  @Test(
    "records come out by owner, sorted, once each, whatever the order and the memory",
    arguments: [1 << 30, 1 << 16])
  func sorts(_ memory: Int) throws {
    let directory = try TemporaryDirectory()
    let owners: UInt64 = 5_000
    var random = SplitMix(of: "RecordStoreTests.sorts")
    var records: [RecordPair] = []
    for _ in 0..<60_000 {
      let owner = 100 + (random.once(in: 40) ? 7 : random.next() % owners)
      records.append(
        RecordPair(
          high: owner << 24 | random.next() % 50, low: random.next() % 3 << 8 | random.next() % 4))
    }
    let store = RecordStore(
      owners: 100..<100 + owners, ownersInPartition: 333, writers: 2, byteCountMax: memory,
      spillDirectory: directory.path)
    let all = records
    try Workers.run(2) { thread in
      let writer = try store.writer()
      for index in stride(from: thread, to: all.count, by: 2) { try writer.add(all[index]) }
      try writer.finish()
    }
    #expect((store.spilledBytes > 0) == (memory < 1 << 20))
    var expected: [[UInt64]] = []
    var repeats = 0
    for record in records.sorted(by: { ($0.high, $0.low) < ($1.high, $1.low) }) {
      if let last = expected.last, last[0] == record.high, last[1] >> 8 == record.low >> 8 {
        repeats += 1
      } else {
        expected.append([record.high, record.low])
      }
    }
    let reader = store.reader()
    var found: [[UInt64]] = []
    var told = 0
    for partition in 0..<store.partitionCount {
      try reader.load(partition: partition) { _ in told += 1 }
      reader.withRecords(as: RecordPair.self) { pairs in
        for owner in 0..<store.ownersInPartition {
          for index in reader.range(ofOwner: owner) {
            found.append([pairs[index].high, pairs[index].low])
          }
        }
      }
    }
    #expect(found == expected)
    #expect(told == repeats)
  }

  @Test("a directory that cannot take what exceeds the memory is named")
  func full() throws {
    let store = RecordStore(
      owners: 0..<100, ownersInPartition: 10, writers: 1, byteCountMax: 4_096,
      spillDirectory: "/nowhere")
    let writer = try store.writer()
    let error = #expect(throws: RecordsError.self) {
      for number in 0..<10_000 as Range<UInt64> {
        try writer.add(RecordPair(high: number % 100 << 24, low: number))
      }
    }
    #expect(error?.description.contains("/nowhere") == true)
  }

  @Test("the first error of a thread ends the work, and no other is lost")
  func errors() {
    let done = Atomic<Int>(0)
    #expect(throws: RecordsError.self) {
      try Workers.run(4) { index in
        done.add(1, ordering: .relaxed)
        if index == 2 { throw RecordsError(operation: "test", path: "x", errno: 2) }
      }
    }
    #expect(done.load(ordering: .relaxed) == 4)
  }
}
