import Codes

/// The bodies of a class's requests, one behind the other in memory, and what is expected of
/// their answers.
struct Bodies: Sendable {
  /// How codes of a corpus become bodies.
  enum Form: Equatable, Sendable {
    case text, json
    /// So many codes a body, one a line.
    case batch(Int)
  }

  private(set) var bytes: [UInt8] = []
  /// Where each body ends; body `i` begins where `i - 1` ends. At least one body.
  private(set) var ends: [Int] = []
  /// The expected outcome of every code, as `Outcome`'s number.
  private(set) var outcomes: [UInt8] = []
  /// Codes in each body but the last.
  private(set) var codesPerBody = 0
  /// The size all bodies have; `nil` when they differ.
  private(set) var uniformByteCount: Int? = 0

  /// Requests without a body.
  static let none = Bodies([[]])

  init(_ bodies: [[UInt8]]) {
    for body in bodies { append(body) }
    note()
  }

  /// The codes and expected outcomes of a corpus in `form`.
  init(codes: [(text: ArraySlice<UInt8>, outcome: UInt8)], form: Form) {
    outcomes = codes.map(\.outcome)
    switch form {
    case .text:
      codesPerBody = 1
      for code in codes { append(code.text) }
    case .json:
      codesPerBody = 1
      for code in codes {
        append(Array("{\"code\":\"".utf8) + code.text + Array("\"}".utf8))
      }
    case .batch(let count):
      codesPerBody = count
      for start in stride(from: 0, to: codes.count, by: count) {
        let texts = codes[start..<min(start + count, codes.count)].map(\.text)
        append(Array(texts.joined(separator: [0x0A])))
      }
    }
    note()
  }

  private mutating func append(_ body: some Collection<UInt8>) {
    bytes.append(contentsOf: body)
    ends.append(bytes.count)
  }

  private mutating func note() {
    precondition(!ends.isEmpty, "a class of requests without bodies")
    let first = ends[0]
    let isUniform = ends.indices.allSatisfy { byteCount($0) == first }
    uniformByteCount = isUniform ? first : nil
  }

  var count: Int { ends.count }

  @inline(__always)
  func start(_ body: Int) -> Int { body == 0 ? 0 : ends[body &- 1] }

  @inline(__always)
  func byteCount(_ body: Int) -> Int { ends[body] &- start(body) }

  /// How many outcomes the answer to `body` has.
  @inline(__always)
  func outcomeCount(_ body: Int) -> Int {
    min(codesPerBody, outcomes.count &- body &* codesPerBody)
  }

  /// The expected outcome of a code of a body.
  @inline(__always)
  func outcome(_ body: Int, _ position: Int) -> Int {
    Int(outcomes[body &* codesPerBody &+ position])
  }
}

extension Bodies {
  /// What is wrong with a file of codes or bodies, and the cure.
  struct Fault: Error, CustomStringConvertible {
    let description: String
  }

  /// Reads lines of `CODE TAB OUTCOME`. Without an outcome `accepted` is expected.
  static func corpus(_ bytes: [UInt8], path: String, form: Form) throws(Fault) -> Bodies {
    var codes: [(text: ArraySlice<UInt8>, outcome: UInt8)] = []
    for (index, line) in bytes.split(separator: 0x0A).enumerated() {
      let tab = line.firstIndex(of: 0x09) ?? line.endIndex
      let name = line[tab...].dropFirst()
      guard tab > line.startIndex,
        let outcome = name.isEmpty
          ? Outcome.accepted : Outcome(name: String(decoding: name, as: UTF8.self))
      else {
        throw Fault(
          description: "\(path), line \(index + 1): it is not CODE TAB OUTCOME, with an outcome"
            + " such as accepted, colour, forged, code_expired, killed")
      }
      codes.append((line[..<tab], outcome.rawValue))
    }
    guard !codes.isEmpty else {
      throw Fault(description: "\(path) holds no codes; `loadgen corpus` makes some")
    }
    return Bodies(codes: codes, form: form)
  }

  /// One body a line.
  static func lines(_ bytes: [UInt8], path: String) throws(Fault) -> Bodies {
    let lines = bytes.split(separator: 0x0A).map(Array.init)
    guard !lines.isEmpty else { throw Fault(description: "\(path) holds no bodies") }
    return Bodies(lines)
  }
}
