import RawHTTP2
import Testing

@Suite struct RequirementTests {
  @Test("P-30: keeps every requirement of HTTP/2", arguments: try await targets(), Requirement.all)
  func keeps(target: ConformanceTarget, requirement: Requirement) throws {
    let isKnownToFail = target.knownFailures.contains(requirement.id)
    try withKnownIssue {
      let connection =
        try requirement.opensConnection
        ? RawConnection(opening: target.endpoint) : RawConnection(to: target.endpoint)
      try requirement.check(connection)
    } when: {
      isKnownToFail
    }
  }

  @Test("the table has all 147 requirements, each once")
  func tableIsComplete() {
    let ids = Requirement.all.map(\.id)
    #expect(Set(ids).count == 147)
    #expect(ids.count == 147)
    #expect(ids.count { $0.hasPrefix("generic/") } == 44)
    #expect(ids.count { $0.hasPrefix("http2/") } == 95)
    #expect(ids.count { $0.hasPrefix("hpack/") } == 8)
  }
}
