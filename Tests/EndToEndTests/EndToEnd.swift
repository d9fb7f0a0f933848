import Testing
import World

/// Stories told with real processes over loopback, one after the other: they watch clocks and use
/// all processors themselves.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct EndToEnd {}

/// Builds a world, runs `body` in it and ends it, whatever happens. A world whose story fails
/// leaves its directory, with the logs, behind.
func withWorld<Result: Sendable>(
  _ change: (inout World.Plan) -> Void = { _ in },
  body: (World) async throws -> Result
) async throws -> Result {
  var plan = World.Plan(directory: "/tmp/citycode-world-\(Scratchpad.next())")
  plan.people = 1_200
  change(&plan)
  for service in plan.services {
    // One loop each: six services share the machine with the tests.
    plan.settings[service, default: [:]]["loops"] = "1"
  }
  let world = try await World(plan)
  let watcher = try Watcher(directory: world.directory)
  do {
    try await world.load()
    try await world.start()
    let result = try await body(world)
    await world.stop()
    await watcher.dismiss()
    try await Files.removeDirectory(world.directory)
    return result
  } catch {
    await world.stop()
    await watcher.dismiss()
    Issue.record("\(error)", sourceLocation: #_sourceLocation)
    print("the world's logs are in \(world.directory)/logs")
    throw error
  }
}

/// Names for directories and files of this test run.
enum Scratchpad {
  private static let counter = Counter()
  private static let run = UInt32.random(in: 0...UInt32.max)

  static func next() -> String { "\(run)-\(counter.next())" }

  /// A directory of its own, for `body` alone.
  static func withDirectory<Result>(_ body: (String) async throws -> Result) async throws -> Result
  {
    let path = "/tmp/citycode-test-\(next())"
    try Files.makeDirectory(path)
    do {
      let result = try await body(path)
      try await Files.removeDirectory(path)
      return result
    } catch {
      try await Files.removeDirectory(path)
      throw error
    }
  }
}

/// Asks `condition` every 20 ms until it holds; throws after `limit`.
func eventually(
  _ what: String, within limit: Duration, _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + limit
  while try await !condition() {
    guard ContinuousClock.now < deadline else {
      throw WorldError("not within \(limit): \(what)")
    }
    try await Task.sleep(for: .milliseconds(20))
  }
}

extension World {
  /// The handle and a code, valid for an hour, of the first resident of the sample.
  func resident() async throws -> (handle: String, code: String) {
    let person = try await sample(of: home, count: 20).first { $0.kind == "resident" }!
    let handle = try await home.channel().register(person)
    return (handle, try await home.channel().code(of: handle, .init(lifetimeSeconds: 3_600)))
  }
}
