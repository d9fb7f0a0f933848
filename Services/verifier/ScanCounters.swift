import Codes
import Server
import VerifierCore

/// `citycode_scans_total` of one loop: a counter for each outcome of each scene there is, all from
/// the start, so that a first forgery is an increase and not the beginning of a series. An object,
/// because a scan would count each reference of a value.
final class ScanCounters {
  private let metrics: Metrics
  private var counters: [Metrics.Counter] = []
  /// Where the counters of a scene begin, by its number; negative without any.
  private var starts = [Int](repeating: -1, count: 256)
  /// The scenes that have counters, by number.
  private var names: [UInt8: String] = [:]

  init(_ metrics: Metrics, _ scenes: [Scene]) {
    self.metrics = metrics
    cover(scenes)
  }

  /// Makes counters for those of `scenes` that have none: after they have been read again, too.
  func cover(_ scenes: [Scene]) {
    for scene in scenes.sorted(by: { $0.name < $1.name }) where names[scene.number] != scene.name {
      names[scene.number] = scene.name
      starts[Int(scene.number)] = counters.count
      for outcome in Outcome.allCases {
        counters.append(
          metrics.counter(
            "citycode_scans_total", "Scans answered, by outcome and scene.",
            ["outcome": outcome.name, "scene": scene.name]))
      }
    }
  }

  func count(_ outcome: Outcome, _ context: ScanContext) {
    let start = starts[context.sceneNumber]
    guard start >= 0 else { return }
    counters[start + Int(outcome.rawValue)].add()
  }
}
