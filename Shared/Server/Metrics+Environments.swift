extension Metrics {
  /// Shows the readers of the LMDB environment `name`: slots taken, slots there are, and how long
  /// the oldest view that holds back pages has been held. `read` runs when the page is asked for;
  /// `nil` (there is no such environment yet, or it cannot be asked) is shown as NaN.
  package func offerReaders(
    of name: String,
    read: @escaping @Sendable () -> (taken: Int, slotCount: Int, oldestSeconds: Double)?
  ) {
    gauge(
      "citycode_lmdb_readers", "Reader slots of the LMDB environment that are taken.",
      ["environment": name]
    ) { read().map { Double($0.taken) } ?? .nan }
    gauge(
      "citycode_lmdb_readers_max", "Reader slots of the LMDB environment.",
      ["environment": name]
    ) { read().map { Double($0.slotCount) } ?? .nan }
    gauge(
      "citycode_lmdb_oldest_reader_seconds",
      "How long the oldest view that keeps pages from reuse has been held; 0: none.",
      ["environment": name]
    ) { read()?.oldestSeconds ?? .nan }
  }
}
