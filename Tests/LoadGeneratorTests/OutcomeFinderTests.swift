import Codes
import Testing

@testable import loadgen

@Suite struct OutcomeFinderTests {
  private func outcomes(_ pieces: [[UInt8]], countMax: Int = 100) -> [Int] {
    var finder = OutcomeFinder()
    var found: [Int] = []
    for piece in pieces {
      finder.read(piece.span, countMax: countMax) { position, outcome in
        #expect(position == found.count)
        found.append(outcome)
      }
    }
    return found
  }

  private static let answer = Array(
    #"{"outcome":"accepted","number":0,"text":{"en":"\"outcome\":\"x\""},"voice":"a"}"#.utf8)

  @Test("every outcome is found under its name, wherever the answer is cut in two")
  func splits() {
    for outcome in Outcome.allCases {
      let answer = Array(#"{"a":"outcome","outcome":"\#(outcome.name)","b":1}"#.utf8)
      for cut in 0...answer.count {
        let found = outcomes([Array(answer[..<cut]), Array(answer[cut...])])
        #expect(found == [Int(outcome.rawValue)], "\(outcome.name) cut at \(cut)")
      }
    }
  }

  @Test("a batch gives all outcomes in order, byte by byte or whole, and stops at the limit")
  func batch() {
    let names: [Outcome] = [.accepted, .forged, .codeExpired, .killed, .accepted]
    let body = Array(
      ("{\"answers\":["
        + names.map { #"{"outcome":"\#($0.name)","receipt":"\#($0.voice)"}"# }
        .joined(separator: ",") + "]}").utf8)
    let expected = names.map { Int($0.rawValue) }
    #expect(outcomes([body]) == expected)
    #expect(outcomes(body.map { [$0] }) == expected)
    #expect(outcomes([body], countMax: 3) == Array(expected.prefix(3)))
  }

  @Test("a needle whose beginning is another's end is found, escaped and unknown ones are told")
  func overlaps() {
    #expect(outcomes([Array(#""outcome"outcome":"killed""#.utf8)]) == [6])
    #expect(outcomes([Array(#"""outcome":"killed""#.utf8)]) == [6])
    #expect(outcomes([Self.answer]) == [0])
    #expect(outcomes([Array(#"{"outcome":"perhaps"}"#.utf8)]) == [OutcomeFinder.unknown])
    #expect(outcomes([Array(#"{"outcome": "killed"}"#.utf8)]).isEmpty)
  }
}
