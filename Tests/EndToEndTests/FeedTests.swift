import Codes
import Feed
import HTTP2
import JSON
import Testing
import World

extension EndToEnd {
  @Suite struct FeedTests {
    @Test(
      "P-20: with 50 writers at once, the feed shows every acknowledged change, once, in order"
    )
    func nothingSkipped() async throws {
      try await withWorld { plan in
        plan.regions = ["310000"]
        plan.services = ["issuer", "relay"]
      } body: { world in
        let handles = try await world.handles(count: 50)
        let before = try await tail(world, after: 0).last?.lastPosition ?? 0
        async let read = follow(world, upTo: before + 50 * 12)
        let acknowledged = try await write(handles, rounds: 12, world)
        let changes = try await read.filter { $0.position > before }

        #expect(acknowledged.count == 600)
        #expect(changes.map(\.position) == Array((before + 1)...(before + 600)))
        for change in changes {
          #expect(acknowledged[change.position] == change.ticket)
        }
        // One writer waits for each answer, so its own changes stand in its own order.
        for writer in 0..<50 {
          let own = changes.map(\.ticket).filter { $0.hasPrefix("W\(writer)-") }
          #expect(own == (0..<12).map { "W\(writer)-\($0)" })
        }
      }
    }

    private struct Seen: Sendable {
      let position: UInt64
      let ticket: String
    }

    /// Each writer changes its holder again and again, with pauses of its own; what was
    /// acknowledged, by position.
    private func write(
      _ handles: [String], rounds: Int, _ world: World
    ) async throws -> [UInt64: String] {
      let client = try world.home.client("issuer", as: .authority)
      return try await withThrowingTaskGroup(of: [(UInt64, String)].self) { group in
        for (writer, handle) in handles.enumerated() {
          group.addTask {
            var own: [(UInt64, String)] = []
            for round in 0..<rounds {
              try await Task.sleep(for: .milliseconds(Int.random(in: 0...30)))
              let ticket = "W\(writer)-\(round)"
              let answer = try await client.send(.put, "/v1/holders/\(handle)/status") { json in
                json.field("colour", round % 2 == 0 ? "yellow" : "green")
                json.field("reason", round)
                json.field("actor", "writer-\(writer)")
                json.field("ticket", ticket)
              }.required("a change")
              own.append((UInt64(answer.json["position"]?.integer ?? 0), ticket))
            }
            return own
          }
        }
        var all: [UInt64: String] = [:]
        for try await own in group {
          for (position, ticket) in own { all[position] = ticket }
        }
        return all
      }
    }

    /// Follows the feed as a relay does, checking chain and signatures.
    private func follow(_ world: World, upTo last: UInt64) async throws -> [Seen] {
      var seen: [Seen] = []
      var after: UInt64 = 0
      let deadline = ContinuousClock.now + .seconds(60)
      while (seen.last?.position ?? 0) < last {
        guard ContinuousClock.now < deadline else { throw WorldError("the feed never got there") }
        for segment in try await tail(world, after: after) {
          #expect(segment.number == after + 1)
          after = segment.number
          guard case .changes(let changes) = segment.kind else { continue }
          for (index, change) in changes.enumerated() {
            seen.append(
              Seen(position: segment.firstPosition + UInt64(index), ticket: change.ticket))
          }
        }
      }
      return seen
    }

    private func tail(_ world: World, after: UInt64) async throws -> [Segment] {
      let relay = try world.home.newClient("issuer", certificateOf: "\(world.home.directory)/relay")
      defer { relay.close() }
      let answer = try await relay.get("/v1/feed/segments?after=\(after)&wait_seconds=1")
        .required("segments")
      let frames = Framing.split(answer.body.span) ?? []
      // The first frame is the head.
      return try frames.dropFirst().map { frame in
        guard let segment = Segment.decode(answer.body.span.extracting(frame)) else {
          throw WorldError("a segment cannot be read")
        }
        return segment
      }
    }
  }
}
