import Testing

@testable import Server

@Suite struct PathPatternTests {
  private func match(_ pattern: String, _ target: String) -> String? {
    let bytes = Array(target.utf8)
    let count = PathPattern.pathLength(bytes.span)
    return PathPattern(pattern).match(bytes.span, count: count).map {
      String(decoding: bytes[$0], as: UTF8.self)
    }
  }

  @Test(
    "a fixed path matches itself, with and without a query, and nothing else",
    arguments: [
      ("/v1/scans", true), ("/v1/scans?", true), ("/v1/scans?a=/v1/other", true),
      ("/v1/scans/", false), ("/v1/scan", false), ("/v1/Scans", false), ("/v1/scans/batch", false),
      ("", false), ("/", false), ("v1/scans", false), ("//v1/scans", false), ("/v1/scanx", false),
    ])
  func fixed(target: String, isMatch: Bool) {
    #expect((match("/v1/scans", target) != nil) == isMatch)
    if isMatch { #expect(match("/v1/scans", target) == "") }
  }

  @Test(
    "a varying segment is one whole segment that is not empty",
    arguments: [
      ("/v1/holders/ABC/status", "ABC"), ("/v1/holders/A/status?x=1", "A"),
      ("/v1/holders//status", nil), ("/v1/holders/A/B/status", nil),
      ("/v1/holders/ABC/statu", nil), ("/v1/holders/ABC", nil), ("/v1/holders/status", nil),
      ("/v1/holders/ABC?/status", nil), ("/v1/holders/ABC/status/", nil),
      ("/v1/holders/%2F/status", "%2F"),
    ] as [(String, String?)])
  func varying(target: String, parameter: String?) {
    #expect(match("/v1/holders/{}/status", target) == parameter)
  }

  @Test("a varying segment may come last")
  func last() {
    #expect(match("/v1/scans/{}", "/v1/scans/RECEIPT") == "RECEIPT")
    #expect(match("/v1/scans/{}", "/v1/scans/") == nil)
    #expect(match("/v1/scans/{}", "/v1/scans") == nil)
  }

  @Test("the path ends at the first question mark")
  func pathLength() {
    for (target, length) in [("/a?b?c", 2), ("/a", 2), ("?", 0), ("", 0)] {
      let bytes = Array(target.utf8)
      #expect(PathPattern.pathLength(bytes.span) == length, "\(target)")
    }
  }
}

@Suite struct BodyLimitsTests {
  private let limits = BodyLimits(routes: [
    BodyLimits.Entry(path: PathPattern("/v1/scans"), bytesMax: 4_096),
    BodyLimits.Entry(path: PathPattern("/v1/scans/batch"), bytesMax: 262_144),
    BodyLimits.Entry(path: PathPattern("/v1/scans/{}"), bytesMax: 0),
    BodyLimits.Entry(path: PathPattern("/v1/holders/{}/status"), bytesMax: 8_192),
  ])

  @Test(
    "a path may have the largest body of the routes it matches, an unknown one none",
    arguments: [
      ("/v1/scans", 4_096), ("/v1/scans?size=262144", 4_096), ("/v1/scans/batch", 262_144),
      ("/v1/scans/RECEIPT", 0), ("/v1/holders/H/status", 8_192), ("/v1/other", 0), ("", 0),
    ])
  func bytesMax(target: String, bytesMax: Int) {
    let bytes = Array(target.utf8)
    #expect(limits.bytesMax(bytes.span) == bytesMax)
  }
}
