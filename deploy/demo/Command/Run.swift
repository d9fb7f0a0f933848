import ArgumentParser
import Server
import World

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Build a world, play the story, and leave it running until Ctrl-C.",
    discussion: """
      EXAMPLES:
        demo run
        demo run --people 100000
        demo run --once        ends after the story
      """)

  @OptionGroup var options: WorldOptions

  @Flag(help: "End after the story instead of waiting for Ctrl-C.")
  var once = false

  func run() throws { try blocking { try await tellUntilStopped() } }

  private func tellUntilStopped() async throws {
    let background = options.background
    guard background.running.isEmpty else {
      say(
        "A world is up already (\(background.running.joined(separator: ", "))):"
          + " `make down` ends it."
      )
      throw ExitCode(1)
    }
    // A thread of its own waits for the signal, so that no task's thread is held.
    let waiter = Loops(count: 1)
    let (signals, noteSignal) = AsyncStream.makeStream(of: System.Signal.self)
    waiter.all[0].execute {
      noteSignal.yield(System.waitForSignal())
      noteSignal.finish()
    }
    let play = Task { try await playAndStay() }
    let listen = Task {
      for await _ in signals { play.cancel() }
    }
    do { try await play.value } catch is CancellationError {}
    listen.cancel()
  }

  /// Builds, plays and waits; ends the services however it ends.
  private func playAndStay() async throws {
    banner()
    let world: World
    do { world = try await options.build() } catch {
      let background = options.background
      await Task.detached { try? await background.clear() }.value
      throw error
    }
    let watcher = try Watcher(directory: world.directory)
    do {
      say("Starting six services")
      try await world.start()
      var story = try await Story(world: world) { tell($0) }
      try await story.play()
      try await farewell(world)
      if !once { try await Task.sleep(for: .seconds(365 * 86_400)) }
      await end(world, watcher)
    } catch {
      await end(world, watcher)
      throw error
    }
  }

  /// Runs to its end although the task that plays may have been cancelled.
  private func end(_ world: World, _ watcher: Watcher) async {
    let background = options.background
    await Task.detached {
      say("\nEnding six services ...")
      await world.stop()
      await watcher.dismiss()
      try? await background.clear()
      say("All ended.")
    }.value
  }

  private func banner() {
    say("CityCode demo: throw-away keys, certificates, tokens and people; loopback only.")
    say("NOTHING HERE IS FIT FOR PRODUCTION USE.\n")
  }

  private func farewell(_ world: World) async throws {
    let background = options.background
    try await world.writeEnvironment(directory: Spawn.resolved(background.directory))
    say("\nThe story is told. Everything goes on running; try it from another terminal:\n")
    for command in World.commands(environmentFile: background.environmentFile) {
      say("  \(command)")
    }
    if !once { say("\nCtrl-C ends it all.") }
  }
}

/// Prints one line of the story.
private func tell(_ line: Story.Line) {
  switch line {
  case .step(let number, let count, let title): say("\n[\(number)/\(count)] \(title)")
  case .fact(let text): say("  \(text)")
  case .picture(let text): say("\n\(text)")
  }
}
