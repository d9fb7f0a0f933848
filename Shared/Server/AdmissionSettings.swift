import Codes

/// The settings that say what happens when there is more to do than can be done.
enum AdmissionSettings {
  static func all(deadlineMilliseconds: Int) -> [Setting] {
    [
      Setting(
        "request_deadline_milliseconds", .integer(1...60_000), default: "\(deadlineMilliseconds)",
        "a request that waited longer for its turn is refused, 503, before any work is done for"
          + " it; urgent scenes wait twice as long, and half of it is worked in each turn"
          + " whatever waits. A gate asks again sooner than it waits"),
      Setting(
        "requests_in_flight_max", .integer(16...1_000_000), default: "2048",
        "requests under way of all clients of a loop while it is behind: connections are then"
          + " allowed fewer streams. 2048 at 5 microseconds each are ten milliseconds of work"),
      Setting(
        "degradation_level", .string, default: "auto",
        "auto: D0 to D2 by the age of the queue; D0, D1, D2 or D3: held there. Also at run time:"
          + " PUT /degradation on the admin port"),
    ]
  }

  static func limits(
    _ configuration: Configuration
  ) throws(ConfigurationError) -> AdmissionLimits {
    AdmissionLimits(
      deadlineMilliseconds: try configuration.integer("request_deadline_milliseconds"),
      inFlightMax: try configuration.integer("requests_in_flight_max"))
  }

  static func degradation(
    _ configuration: Configuration, loops: Int
  ) throws(ConfigurationError) -> Degradation {
    let degradation = Degradation(loops: loops)
    let text = try configuration.string("degradation_level")
    guard degradation.hold(named: text) else {
      throw ConfigurationError("degradation_level must be auto, D0, D1, D2 or D3")
    }
    return degradation
  }
}

extension Degradation {
  /// Holds the level of this name, or none for `auto`; false for any other text.
  func hold(named text: String) -> Bool {
    if text == "auto" {
      hold(nil)
    } else if let level = DegradationLevel(name: text) {
      hold(level)
    } else {
      return false
    }
    return true
  }
}
