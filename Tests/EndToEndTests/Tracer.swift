import Codes
import JSON
import Server
import Testing
import World

@testable import issuer

/// One system call that shall fail once: the N-th of its name in each thread.
struct Fault: CustomStringConvertible {
  enum Kind: String, CaseIterable {
    case inputOutput = "error=EIO"
    case full = "error=ENOSPC"
    case kill = "signal=KILL"
  }

  let call: String
  let number: Int
  let kind: Kind

  var description: String { "\(call) number \(number), \(kind.rawValue)" }

  /// Beside an orderly failure.
  var expectedEnding: Spawn.Ending { kind == .kill ? .signalled(9) : .exited(1) }

  var expression: String { "inject=\(call):\(kind.rawValue):when=\(number)" }

  /// What changes files.
  static let calls = [
    "openat", "pwrite64", "write", "writev", "pwritev", "fdatasync", "fsync", "msync", "rename",
    "ftruncate", "mkdir", "unlink", "rmdir",
  ]

  /// Every call with every kind of failure, or `max` of them that lie evenly.
  static func some(of counts: [String: Int], max: Int) -> [Fault] {
    let all = counts.sorted { $0.key < $1.key }.flatMap { call, count in
      (1...count).flatMap { number in
        Kind.allCases.map { Fault(call: call, number: number, kind: $0) }
      }
    }
    guard all.count > max else { return all }
    return (0..<max).map { all[$0 * all.count / max] }
  }
}

/// Runs the issuer under strace.
struct Tracer {
  private let world: World
  private var trace: String { "\(world.directory)/trace" }

  init(_ world: World) { self.world = world }

  private var filter: String { "trace=" + Fault.calls.joined(separator: ",") }

  /// The faults to try in a run of `arguments`, which is run once.
  func cases(
    of arguments: [String], max: Int, leavingOut left: Set<String> = []
  ) async throws -> [Fault] {
    let result = try await Command.run(
      "strace",
      ["-f", "-qq", "-e", filter, "-o", trace, world.programs.path(of: "issuer")] + arguments,
      timeoutSeconds: 120)
    guard result.hasSucceeded else { throw WorldError("a traced run failed: \(result.error)") }
    return Fault.some(of: counts().filter { !left.contains($0.key) }, max: max)
  }

  /// How often a thread made each call that concerns the world's own files, at most.
  private func counts() -> [String: Int] {
    var counts: [String: [Substring: Int]] = [:]
    for line in Files.text(trace).split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 1)
      guard words.count == 2, let end = words[1].firstIndex(of: "(") else { continue }
      let call = words[1][..<end].drop { $0 == " " }
      guard Fault.calls.contains(String(call)) else { continue }
      // What a run reads of its libraries and settings before is not what this is about.
      if call == "openat", !line.contains("O_RDWR"), !line.contains("O_WRONLY") { continue }
      counts[String(call), default: [:]][words[0], default: 0] += 1
    }
    return counts.compactMapValues { $0.values.max() }
  }

  /// Runs `arguments` with `fault`; how it ended.
  func run(_ arguments: [String], _ fault: Fault) async throws -> Spawn.Ending {
    try await Command.run(
      "strace",
      ["-f", "-qq", "-e", "trace=\(fault.call)", "-e", fault.expression, "-o", "/dev/null"]
        + [world.programs.path(of: "issuer")] + arguments, timeoutSeconds: 120
    ).ending
  }

  /// Runs `body` while strace is attached to a service; how often its threads made each call.
  func attached(
    to daemon: Daemon, _ fault: Fault?, _ body: () async throws -> Void
  ) async throws -> [String: Int] {
    let log = "\(world.directory)/strace.log"
    let injection =
      fault.map { ["-e", "trace=\($0.call)", "-e", $0.expression] } ?? ["-e", filter]
    let process = try Spawn.start(
      "strace", ["-f", "-o", trace] + injection + ["-p", "\(daemon.processID ?? 0)"],
      streams: .init(output: .null, error: .file(log)))
    do {
      try await eventually("strace is attached", within: .seconds(10)) {
        Files.text(log).contains("attached")
      }
      try await body()
    } catch {
      Spawn.send(.kill, to: process)
      _ = try await Command.ending(of: process, within: .seconds(10))
      throw error
    }
    Spawn.send(.interrupt, to: process)
    guard try await Command.ending(of: process, within: .seconds(10)) != nil else {
      throw WorldError("strace does not end")
    }
    return counts()
  }
}

/// What must be there after whatever failed: one generation for everybody, and every change that
/// was acknowledged.
final class Survivors {
  private let world: World
  private let handles: [String]
  private let changed: String
  private var reason = 0
  private var writes = 0

  init(_ world: World) async throws {
    self.world = world
    let handles = try await world.handles(count: 21)
    self.handles = Array(handles.dropFirst())
    changed = handles[0]
  }

  /// Computes a generation in which everybody has its number as reason, and changes one holder
  /// after its base: that shall stay. The issuer serves.
  func compute() async throws -> UInt32 {
    let place = GenerationDirectory(dataDirectory: "\(world.home.directory)/data")
    let number = (try place.numbers().last ?? 0) + 1
    let made = try world.compute(
      number % 2 == 0 ? .yellow : .red, reason: UInt8(truncatingIfNeeded: number))
    #expect(made == number)
    #expect(await write())
    return number
  }

  /// Changes one holder; whether that was acknowledged.
  @discardableResult
  func write() async -> Bool {
    writes += 1
    let next = reason % 200 + 1
    let answer = try? await world.home.commission().answer(
      setting: "green", of: changed, reason: next, idempotencyKey: "survivor-\(writes)")
    // What was not acknowledged may be there all the same.
    guard answer?.status == 200 else { return false }
    reason = next
    return true
  }

  /// With the issuer serving: what was acknowledged is so.
  func check(acknowledged number: UInt32?, _ note: String) async throws {
    let inForce = try await world.generationInForce()
    if let number { #expect(inForce == Int64(number), "\(note)") }
    let statuses = try await world.home.commission().statuses(of: [changed] + handles)
    let seen = statuses[0]["reason"]?.integer ?? -1
    #expect([reason, reason % 200 + 1].contains(Int(seen)), "\(note)")
    let reasons = Set(statuses.dropFirst().map { $0["reason"]?.integer ?? -1 })
    #expect(reasons == [inForce % 256], "\(note)")
    let answer = try await Command.run(
      world.programs.path(of: "issuer"),
      ["health", "--admin-url", world.home.adminURL("issuer")])
    #expect(answer.hasSucceeded, "\(note): \(answer.output)")
  }
}
