import Synchronization
import Testing
import World

extension EndToEnd {
  @Suite struct StoryTests {
    @Test("the story of `make run` goes as it is told, from the load to the issuer's SIGKILL")
    func story() async throws {
      let titles = Mutex<[String]>([])
      let pictures = Mutex(0)
      try await withWorld { world in
        var story = try await Story(world: world) { line in
          switch line {
          case .step(_, _, let title): titles.withLock { $0.append(title) }
          case .picture: pictures.withLock { $0 += 1 }
          case .fact: break
          }
        }
        try await story.play()
      }
      #expect(titles.withLock { $0.count } == 12)
      #expect(pictures.withLock { $0 } == 1)
    }
  }
}
