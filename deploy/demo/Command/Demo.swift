import ArgumentParser
import Dispatch
import Server
import Synchronization
import World

@main
struct Demo: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "A throw-away CityCode of two regions on this machine.",
    discussion: """
      Keys, certificates, tokens and people are made up; everything listens on loopback only.

      EXAMPLES:
        demo run                       build a world, play the story, leave it running
        demo up --people 34000000      a world of Shanghai's size, in the background
        demo down                      end it
      """,
    subcommands: [Run.self, Up.self, Down.self])

  static func main() {
    // Before any thread is made: they inherit the mask, and Ctrl-C is waited for.
    System.blockStopSignals()
    main(nil)
  }
}

/// Runs `body` on other threads and waits for its end on the main one.
///
/// An asynchronous `main` would not do: Linux's Dispatch ends the main thread then, with all
/// signals unblocked, and Ctrl-C would end the program before its services.
func blocking(_ body: @escaping @Sendable () async throws -> Void) throws {
  let ended = DispatchSemaphore(value: 0)
  let failure = Mutex<(any Error)?>(nil)
  Task.detached {
    do { try await body() } catch { failure.withLock { $0 = error } }
    ended.signal()
  }
  ended.wait()
  if let error = failure.withLock({ $0 }) { throw error }
}

/// What `run` and `up` have in common.
struct WorldOptions: ParsableArguments {
  @Option(help: "People of the first region; the second has 10,000 at most.")
  var people = 10_000

  @Option(help: "Seed of the made-up population: the same seed, the same people.")
  var seed: UInt64 = 1

  @Option(help: "Directory for the world, its pids and its env file.")
  var directory = ".run"

  func validate() throws {
    guard 100...500_000_000 ~= people else {
      throw ValidationError("--people must be 100 to 500000000")
    }
  }

  var background: Background { Background(directory: directory) }

  /// Makes and starts a world, telling what it does.
  func build() async throws -> World {
    let background = background
    try await background.clear()
    var plan = World.Plan(directory: background.worldDirectory)
    plan.people = people
    plan.seed = seed
    plan.prefersKnownPorts = true
    plan.showsProgress = true
    say("Making a throw-away CA, certificates, tokens and keys in \(background.worldDirectory)")
    let world = try await World(plan)
    for site in world.sites {
      say("Region \(site.region): \(world.people(of: site)) made-up people")
    }
    say("Loading the people: issuer sample | issuer load -")
    try await world.load()
    return world
  }
}

func say(_ text: String) { System.writeOutput(text + "\n") }

struct Up: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Build a world and leave it running in the background.",
    discussion: """
      Writes DIRECTORY/env, which a shell can read: addresses, tokens, a handle and 1,000 codes.

      EXAMPLES:
        demo up
        demo up --people 34000000
        . .run/env && head -1 $SAMPLE_CODES > code
        h2load -n 1000 -d code -H "content-type: text/plain" \\
          -H "authorization: Bearer $POINT_TOKEN" $VERIFIER_H2C_URL/v1/scans
      """)

  @OptionGroup var options: WorldOptions

  func run() throws { try blocking { try await up() } }

  private func up() async throws {
    let background = options.background
    guard background.running.isEmpty else {
      say("A world is up already (\(background.running.joined(separator: ", "))).")
      say("Use it with `. \(background.environmentFile)`, or end it with `make down`.")
      return
    }
    let world = try await options.build()
    let watcher = try Watcher(directory: world.directory)
    do {
      say("Starting six services")
      try await world.start()
      say("Making 1,000 codes that count for an hour")
      try await world.writeEnvironment(directory: Spawn.resolved(background.directory))
    } catch {
      await world.stop()
      throw error
    }
    await watcher.dismiss()
    for site in world.sites {
      for daemon in site.daemons {
        say("  \(daemon.name): \(site.url(daemon.service)), admin \(site.adminURL(daemon.service))")
      }
    }
    say("Up. Addresses, tokens and codes: . \(background.environmentFile)    End it: make down")
  }
}

struct Down: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "End the world that `demo up` left running, and remove its data.",
    discussion: """
      Ends only processes that `demo up` started in this directory.

      EXAMPLES:
        demo down
        demo down --keep      leaves the world's files for a look at logs and data
      """)

  @Option(help: "Directory of the world.")
  var directory = ".run"

  @Flag(help: "Keep the world's files.")
  var keep = false

  func run() throws { try blocking { try await down() } }

  private func down() async throws {
    let background = Background(directory: directory)
    let count = try await background.stop()
    if !keep { try await background.clear() }
    say(count == 0 ? "No world is up in \(directory)." : "Ended \(count) services.")
  }
}
