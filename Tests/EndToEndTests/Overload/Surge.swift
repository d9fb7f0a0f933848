import Foundation
import JSON
import World

/// More requests than a verifier can serve, from the repository's load generator.
///
/// Nothing here depends on how fast the machine is: rates are multiples of the peak that the same
/// verifier showed before.
struct Surge {
  let world: World
  let directory: String
  private(set) var processID: Int32

  /// What the load generator reports of a run, or of one of its classes.
  struct Report {
    let json: JSONValue

    func number(_ name: String) -> Double {
      json[name]?.integer.map(Double.init) ?? Self.double(json[name]) ?? -1
    }

    private static func double(_ json: JSONValue?) -> Double? {
      guard case .double(let value)? = json else { return nil }
      return value
    }

    var perSecond: Double { number("per_second") }
    var refused: Double { number("refused") }
    var ok: Double { number("ok") }
    /// Requests that should have been answered: sent, or kept back until it was too late.
    var wanted: Double { number("sent") + number("unsent") - number("resent") }
    var p99: Duration {
      .microseconds(json["latency_us"]?["p99"]?.integer ?? 0)
    }
    var refusalP99: Duration {
      .microseconds(json["refusal_latency_us"]?["p99"]?.integer ?? 0)
    }

    /// The p99 of each second.
    var secondsP99: [Duration] {
      (json["timeline"]?.array ?? []).compactMap {
        $0.array?.last?.integer.map { .microseconds($0) }
      }
    }

    func of(_ name: String) -> Report { Report(json: json["classes"]?[name] ?? .null) }

    /// Without the long curves.
    var summary: String {
      let names = [
        "per_second", "sent", "ok", "refused", "unsent", "lost", "errors", "wrong", "resent",
      ]
      return names.map { "\($0) \(Int(number($0)))" }.joined(separator: ", ") + ", p99 \(p99)"
    }
  }

  /// One kind of request of a run.
  struct Class {
    var name: String
    var weight: Int
    var token: String
    var scene: String
    var connections = 8
    var streams = 32
  }

  init(_ world: World, directory: String, code: String) throws {
    self.world = world
    self.directory = directory
    processID = world.home.verifier.processID ?? 0
    let line = "\(code)\taccepted\n"
    try Files.write(String(repeating: line, count: 256), to: "\(directory)/codes")
  }

  /// The same for the verifier's new process.
  func afterRestart() -> Surge {
    var surge = self
    surge.processID = world.home.verifier.processID ?? 0
    return surge
  }

  /// Runs `classes` for `seconds`: at `rate`, or in a closed loop.
  func run(
    _ classes: [Class], rate: Double?, seconds: Int, retries: Int = 0
  ) async throws -> Report {
    var json = JSONWriter()
    json.object {
      $0.field(
        "classes",
        array: { list in
          for item in classes { list.object { write(item, to: &$0) } }
        })
    }
    let (mix, report) = ("\(directory)/mix.json", "\(directory)/report.json")
    try Files.write(json.bytes, to: mix)
    var arguments = [
      "run", "--mix", mix, "--duration", "\(seconds)", "--warmup", "1", "--json", report,
      "--server-pid", "\(processID)", "--retries", "\(retries)",
    ]
    arguments +=
      rate.map { ["--rate", "\(Int($0))", "--give-up-milliseconds", "500"] }
      ?? ["--closed"]
    try await Command.require(world.programs.path(of: "loadgen"), arguments)
    return Report(json: try JSONParser.parse(Array(Files.text(report).utf8)))
  }

  private func write(_ item: Class, to json: inout JSONWriter) {
    json.field("name", item.name)
    json.field("weight", item.weight)
    json.field("url", world.home.clearURL("verifier"))
    json.field("path", "/v1/scans")
    json.field("corpus", "\(directory)/codes")
    json.field("connections", item.connections)
    json.field("streams", item.streams)
    json.field(
      "headers",
      array: { headers in
        for (name, value) in [
          ("authorization", "Bearer \(item.token)"), ("citycode-scene", item.scene),
        ] {
          headers.array {
            $0.value(name)
            $0.value(value)
          }
        }
      })
  }

  var residentBytes: Int { ProcessFacts.memory("VmRSS", of: processID) ?? 0 }
}
