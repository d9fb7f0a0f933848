import HTTP2
import JSON
import Testing
import World

extension EndToEnd {
  @Suite struct WriteTests {
    @Test("a write repeated with its idempotency key is done once; the key serves no other write")
    func idempotency() async throws {
      try await withIssuer { world in
        let (handle, _) = try await world.resident()
        let commission = try world.home.commission()
        let first = try await commission.set("yellow", of: handle, reason: 7, idempotencyKey: "k1")
        let again = try await commission.set("yellow", of: handle, reason: 7, idempotencyKey: "k1")
        #expect(first == again)
        let other = try await commission.answer(
          setting: "red", of: handle, reason: 7, idempotencyKey: "k1")
        #expect(other.status == 422)
        #expect(other.problem == "idempotency_key_reused")
        let next = try await commission.set("green", of: handle, reason: 0, idempotencyKey: "k2")
        #expect(next["position"]?.integer == first["position"]!.integer! + 1)
        // An answer that comes again is the one that was given, not the state of now.
        let late = try await commission.set("yellow", of: handle, reason: 7, idempotencyKey: "k1")
        #expect(late["position"] == first["position"])
        #expect(try await world.home.channel().status(of: handle)["colour"]?.string == "green")
      }
    }

    @Test("registering a document again gives the same handle; killing codes adds one revision")
    func registration() async throws {
      try await withIssuer { world in
        let person = try await world.sample(of: world.home, count: 2_000)
          .last { $0.kind == "resident" }!
        let channel = try world.home.channel()
        let first = try await channel.registration(person)
        #expect(first.status == 201)
        #expect(first.json["new"]?.bool == true)
        let again = try await channel.registration(person)
        #expect(again.status == 200)
        #expect(again.json["handle"] == first.json["handle"])
        #expect(again.json["new"]?.bool == false)

        let handle = try first.string("handle")
        let before = try await channel.status(of: handle)
        #expect(before["colour"]?.string == "green" && before["kind"]?.string == "resident")
        let killed = try await world.home.commission().killCodes(of: handle)
        #expect(killed["revision"]?.integer == before["revision"]!.integer! + 1)
        #expect(try await channel.status(of: handle)["revision"] == killed["revision"])
      }
    }

    @Test("many statuses come as NDJSON, in the order in which they were asked for")
    func manyStatuses() async throws {
      try await withIssuer { world in
        let handles = try await world.handles(count: 30)
        let commission = try world.home.commission()
        for (index, handle) in handles.enumerated() where index % 3 == 0 {
          _ = try await commission.set("red", of: handle, reason: index)
        }
        let asked = handles + [String(repeating: "A", count: 26)]
        let statuses = try await commission.statuses(of: asked)
        #expect(statuses.map { $0["handle"]?.string } == asked)
        for (index, status) in statuses.dropLast().enumerated() {
          #expect(status["colour"]?.string == (index % 3 == 0 ? "red" : "green"))
        }
        #expect(statuses.last?["error"]?.string == "unknown_holder")
      }
    }

    private func withIssuer(_ body: (World) async throws -> Void) async throws {
      try await withWorld { plan in
        plan.regions = ["310000"]
        plan.services = ["issuer"]
        plan.people = 100
      } body: {
        try await body($0)
      }
    }
  }
}
