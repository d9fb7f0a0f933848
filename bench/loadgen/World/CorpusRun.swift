import Codes
import Server
import World

/// What `loadgen corpus` was asked for, and the doing of it.
struct CorpusRun: Sendable {
  let worldEnv: String
  let count: Int
  /// Of the home region; `nil`: as the world says.
  let people: Int?
  let foreign: Int
  let shares: CorpusPlan.Shares
  let lifetimeSeconds: Int
  let seed: UInt64
  let prefix: String
  let out: String

  private static let connections = 4

  func make() async throws {
    let (world, loop, points) = try connect()
    let scene = try await Self.scene(of: points)
    let policy = try Self.policy(of: scene)
    try await makeHome(try maker("", world, policy, loop), points)
    if foreign > 0 {
      try await makeForeign(try maker("PARTNER_", world, policy, loop), points)
    }
    points.close()
  }

  /// Not inlined: the compiler of Swift 6.3.1 crashes when this becomes a part of `make`.
  @inline(never)
  private func connect() throws -> (WorldEnvironment, Loop, Crew) {
    let world = try WorldEnvironment(path: worldEnv)
    let loop = Loops(count: 1).all[0]
    let points = try world.crew(
      "", service: "VERIFIER", as: "POINT", connections: Self.connections, on: loop)
    return (world, loop, points)
  }

  private func makeHome(_ maker: CorpusMaker, _ points: Crew) async throws {
    let corpus = try await maker.make()
    let check = CorpusCheck(points: points, batch: 256, inFlight: 8)
    try await check.run("scanned and compared", corpus.entries)
    try write(corpus)
  }

  private func makeForeign(_ maker: CorpusMaker, _ points: Crew) async throws {
    let corpus = try await maker.make()
    let check = CorpusCheck(points: points, batch: 64, inFlight: 1)
    try await check.run("foreign codes scanned and compared", corpus.entries)
    try write(corpus.entries, to: "\(out).foreign")
  }

  /// The scene of the points' own, which every answer names, also that to a text that is no code.
  private static func scene(of points: Crew) async throws -> String {
    try await Point(client: points.clients[0]).scan("X").string("scene")
  }

  private static func policy(of scene: String) throws -> ScenePolicy {
    try ScenePolicy(name: scene, directory: try Programs().scenes)
  }

  /// The maker of one region's codes; `regionPrefix` is what its variables begin with.
  private func maker(
    _ regionPrefix: String, _ world: WorldEnvironment, _ policy: ScenePolicy, _ loop: Loop
  ) throws -> CorpusMaker {
    let sample = try world.population(regionPrefix, people: regionPrefix.isEmpty ? people : nil)
    let plan = try CorpusPlan(
      count: regionPrefix.isEmpty ? count : foreign, population: sample.population,
      people: sample.people, shares: shares, seed: seed)
    System.writeError(
      "\(sample.region): \(plan.codes.count) codes of \(plan.holders.count) holders among"
        + " \(sample.people) people\n")
    func crew(_ role: String) throws -> Crew {
      try world.crew(
        regionPrefix, service: "ISSUER", as: role, connections: Self.connections, on: loop)
    }
    return CorpusMaker(
      plan: plan, channel: try crew("CHANNEL"), authority: try crew("AUTHORITY"), policy: policy,
      lifetimeSeconds: lifetimeSeconds, prefix: prefix, seed: seed,
      region: sample.region)
  }

  private func write(_ home: CorpusMaker.Corpus) throws {
    try Files.write(
      home.handles.map { "{\"handle\":\"\($0)\"}\n" }.joined(), to: "\(out).handles")
    try Files.write(home.spares.map { "\($0)\n" }.joined(), to: "\(out).spare")
    // Last: who sees the codes has the rest.
    try write(home.entries, to: out)
  }

  private func write(_ entries: [CorpusMaker.Entry], to path: String) throws {
    var random = SplitMixNumbers(seed: seed)
    let lines = entries.shuffled(using: &random).map { "\($0.code)\t\($0.expected.name)\n" }
    try Files.write(lines.joined(), to: path)
    let counts = Dictionary(grouping: entries, by: \.expected.name).mapValues(\.count)
    let text = counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
    System.writeError("\(path): \(text.joined(separator: ", "))\n")
  }
}
