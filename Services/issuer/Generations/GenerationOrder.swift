import Codes
import JSON
import Security
import Server

/// What an operator asks of the issuer.
enum GenerationOrder: Equatable, Sendable {
  case activate(UInt32, acceptRejects: Bool)
  case rollBack

  var text: String {
    switch self {
    case .activate(let number, let acceptRejects):
      "activate \(number)\(acceptRejects ? " accept-rejects" : "")"
    case .rollBack: "rollback"
    }
  }

  init?(text: String) {
    let words = text.split { $0 == " " || $0 == "\n" }.map(String.init)
    switch (words.first, words.count) {
    case ("rollback", 1): self = .rollBack
    case ("activate", 2...3):
      guard let number = UInt32(words[1]), number > 0,
        words.count == 2 || words[2] == "accept-rejects"
      else { return nil }
      self = .activate(number, acceptRejects: words.count == 3)
    default: return nil
    }
  }

  func run(_ control: GenerationControl) throws -> GenerationControl.Outcome {
    switch self {
    case .activate(let number, let acceptRejects):
      try control.activate(number, acceptRejects: acceptRejects)
    case .rollBack: try control.rollBack()
    }
  }
}

/// How an order went.
struct GenerationAnswer: Equatable, Sendable {
  let isDone: Bool
  let text: String
}

/// Where orders to a running issuer and its answers are left: files in the directory of the
/// generations. So who may write the issuer's data may give orders, and nobody else: the admin
/// port, which asks nobody who they are, takes none.
struct GenerationMailbox: Sendable {
  let path: String

  private static let orderPrefix = "order-"
  private static let takenPrefix = "taken-"
  private static let answerPrefix = "answer-"

  init(_ directory: GenerationDirectory) { path = directory.path }

  // MARK: The command's side

  /// Leaves an order; the name under which its answer will come.
  func leave(_ order: GenerationOrder) throws -> String {
    try System.makeDirectory(path)
    let name = Hexadecimal.text(of: SecureRandom.bytes(8).span)
    try System.replaceFile(
      "\(path)/\(Self.orderPrefix)\(name)", with: Array("\(order.text)\n".utf8), mode: 0o640)
    return name
  }

  /// The answer, once: it is removed. `nil` while there is none.
  func takeAnswer(_ name: String) throws -> GenerationAnswer? {
    let file = "\(path)/\(Self.answerPrefix)\(name)"
    guard System.exists(file) else { return nil }
    let bytes = try System.readFile(file)
    try System.removeFile(file)
    guard let json = try? JSONParser.parse(bytes), let isDone = json["done"]?.bool,
      let text = json["text"]?.string
    else { return GenerationAnswer(isDone: false, text: "the issuer's answer cannot be read") }
    return GenerationAnswer(isDone: isDone, text: text)
  }

  /// Takes an order back that nobody has taken; whether it was still there.
  func takeBack(_ name: String) throws -> Bool {
    guard try take(name) else { return false }
    try System.removeFile("\(path)/\(Self.takenPrefix)\(name)")
    return true
  }

  // MARK: The issuer's side

  /// The names of the orders that wait.
  func waiting() throws -> [String] {
    guard System.exists(path) else { return [] }
    return try System.names(in: path).compactMap { name in
      guard name.hasPrefix(Self.orderPrefix), !name.contains(".") else { return nil }
      return String(name.dropFirst(Self.orderPrefix.count))
    }
  }

  /// Takes an order out of the box; `false` when somebody else was faster. Until `answer` it is
  /// remembered as taken. That need not survive a power cut: both are refused at the next start.
  func take(_ name: String) throws -> Bool {
    let file = "\(path)/\(Self.orderPrefix)\(name)"
    let taken = "\(path)/\(Self.takenPrefix)\(name)"
    do throws(System.Fault) { try System.move(file, to: taken, durably: false) } catch {
      if System.exists(file) { throw error }
      return false
    }
    return true
  }

  /// What an order says that was taken.
  func text(ofTaken name: String) throws -> String {
    let file = "\(path)/\(Self.takenPrefix)\(name)"
    return String(decoding: try System.readFile(file, byteCountMax: 4_096), as: UTF8.self)
  }

  func answer(_ name: String, _ answer: GenerationAnswer) throws {
    var json = JSONWriter()
    json.object {
      $0.field("done", answer.isDone)
      $0.field("text", answer.text)
    }
    json.endLine()
    try System.replaceFile(
      "\(path)/\(Self.answerPrefix)\(name)", with: json.bytes, mode: 0o640)
    try System.removeFile("\(path)/\(Self.takenPrefix)\(name)")
  }

  /// Removes answers that nobody fetched, and answers the orders from before this start: what an
  /// operator wanted then may be wrong now.
  func begin() throws {
    guard System.exists(path) else { return }
    for name in try System.names(in: path) {
      if name.hasPrefix(Self.answerPrefix)
        || name.hasPrefix(Self.orderPrefix) && name.contains(".")
      {
        try System.removeFile("\(path)/\(name)")
      } else if name.hasPrefix(Self.takenPrefix) {
        try refuse(String(name.dropFirst(Self.takenPrefix.count)))
      }
    }
    for name in try waiting() where try take(name) { try refuse(name) }
  }

  private func refuse(_ name: String) throws {
    try answer(
      name,
      GenerationAnswer(
        isDone: false,
        text: "the issuer was started anew meanwhile: see `issuer generations`, and give the order"
          + " again if it is still wanted"))
  }
}
