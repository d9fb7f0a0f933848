import Server
import Synchronization
import JSON
import Testing
import World

extension EndToEnd {
  @Suite struct CrashTests {
    /// Kills in one run: as many as fit a minute, at least 50; `make torture` does the 200 that
    /// the promise names.
    private static let isTorture = System.environment["CITYCODE_TORTURE"] != nil

    @Test("P-01: what the issuer acknowledged is there after every kill -9 under write load")
    func acknowledgedWritesSurvive() async throws {
      try await withWorld { plan in
        plan.regions = ["310000"]
        plan.services = ["issuer"]
        plan.people = 200
      } body: { world in
        let handles = try await world.handles(count: 6)
        // People beyond the loaded ones are not registered yet.
        let strangers = try await world.sample(of: world.home, count: 20_000).dropFirst(200)
          .filter { $0.kind == "resident" }
        let writes = WriteLoad(site: world.home, handles: handles)
        let registrations = RegistrationLoad(site: world.home, people: strangers)
        let start = ContinuousClock.now
        var kills = 0
        var acknowledged = 0
        while kills < 200,
          Self.isTorture || kills < 50 || ContinuousClock.now - start < .seconds(60)
        {
          async let registered: Void = registrations.run()
          acknowledged += try await writes.run(
            killingAfter: .milliseconds(Int.random(in: 5...150)))
          await registered
          kills += 1
          try await world.home.issuer.start()
          try await writes.check()
          try await registrations.check()
        }
        print("P-01: \(kills) kills, \(acknowledged) acknowledged writes, all there")
        #expect(acknowledged > kills)
        #expect(registrations.count > 0)
      }
    }
  }
}

/// Registers one person after the other until the issuer dies.
private final class RegistrationLoad: Sendable {
  private let site: Site
  private let people: [Person]
  private let state = Mutex((next: 0, known: [(index: Int, handle: String)]()))

  init(site: Site, people: [Person]) {
    self.site = site
    self.people = people
  }

  var count: Int { state.withLock { $0.known.count } }

  func run() async {
    guard let client = try? site.newClient("issuer", token: site.credentials.token(.channel))
    else { return }
    defer { client.close() }
    let channel = Channel(client: client, seen: Trace())
    while true {
      let index = state.withLock { $0.next }
      let answer = try? await channel.registration(
        people[index % people.count], idempotencyKey: "registration-\(index)")
      guard let answer, let handle = answer.json["handle"]?.string else { return }
      state.withLock { state in
        state.next += 1
        state.known.append((index, handle))
      }
    }
  }

  /// All acknowledged people have their handle still; the one without an answer gets one handle,
  /// however often it is asked for.
  func check() async throws {
    let (next, known) = state.withLock { ($0.next, $0.known.suffix(20)) }
    let channel = try site.channel()
    for (index, handle) in known {
      let again = try await channel.registration(people[index % people.count])
      #expect(again.status == 200)
      #expect(again.json["handle"]?.string == handle)
    }
    let open = people[next % people.count]
    let first = try await channel.registration(open, idempotencyKey: "registration-\(next)")
    let second = try await channel.registration(open, idempotencyKey: "registration-\(next)")
    #expect(first.json["handle"] != nil)
    #expect(first.json["handle"] == second.json["handle"])
    state.withLock { $0.next += 1 }
  }
}
