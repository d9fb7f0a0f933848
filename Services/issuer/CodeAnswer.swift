import Codes
import IssuerCore
import JSON

/// A request for one code that named its holder and nothing else.
final class KnownIssue {
  let fieldsID: Int
  /// The request's JSON but for the handle.
  let json: RepeatedObject

  init(fieldsID: Int, json: RepeatedObject) {
    self.fieldsID = fieldsID
    self.json = json
  }
}

/// What stands behind the code in the answer to a request for one: the same for all codes of a
/// second whose holders have the same colour and kind.
struct CodeAnswerTail {
  private struct Tail {
    let validFrom: CityTime
    let lifetimeSeconds: Int
    let text: [UInt8]
  }

  /// By colour and kind: 4 times 8.
  private var tails: [Tail?] = Array(repeating: nil, count: 32)

  mutating func append(_ terms: IssueTerms, _ status: Status, to answer: inout [UInt8]) {
    let slot = Int(status.colour.rawValue) << 3 | Int(status.kind.rawValue)
    if let tail = tails[slot], tail.validFrom == terms.validFrom,
      tail.lifetimeSeconds == terms.lifetimeSeconds
    {
      return answer.append(contentsOf: tail.text)
    }
    let text = Array(
      """
      ","valid_from":"\(terms.validFrom.description)",\
      "valid_until":"\(terms.end(of: 0).description)",\
      "kind":"\(status.kind.name)","colour":"\(status.colour.name)"}
      """.utf8)
    tails[slot] = Tail(
      validFrom: terms.validFrom, lifetimeSeconds: terms.lifetimeSeconds,
      text: text)
    answer.append(contentsOf: text)
  }
}
