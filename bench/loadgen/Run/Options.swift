import ArgumentParser
import JSON
import RawHTTP2
import Server

/// Where requests go.
struct TargetOptions: ParsableArguments {
  @Option(help: "http://HOST:PORT (HTTP/2 in clear text) or https://HOST:PORT; may be repeated.")
  var url: [String] = []

  @Option(help: "PEM file of the authorities that https servers must be under.")
  var ca: String?

  @Flag(help: "Every TLS connection makes a full handshake.")
  var noResumption = false

  func endpoints() throws -> [Endpoint] { try url.map(Inputs.endpoint) }
}

/// How requests are sent.
struct LoadOptions: ParsableArguments {
  @Option(help: "Threads, one a core; the connections are spread over them.")
  var threads = 1

  @Option(help: "Cores for the threads, such as 1 or 1,3.")
  var cores: String?

  @Option(help: "Measured seconds.")
  var duration = 4.0

  @Option(help: "Seconds before that which do not count.")
  var warmup = 1.0

  @Flag(help: "Closed loop: keep every stream in use.")
  var closed = false

  @Option(help: "Open loop: so many requests a second in all.")
  var rate: Double?

  @Option(help: "Open loop: constant or poisson.")
  var arrivals = "constant"

  @Option(help: "Open loop: drop a request that could not be sent so long after its time.")
  var giveUpMilliseconds: Double?

  @Option(help: "Send a request that got a 503 or 429 again at once, so many times.")
  var retries = 0

  @Option(name: .customLong("server-pid"), help: "A server's process, to report what it used.")
  var serverPID: [Int32] = []

  @Flag(help: "Stop at the first wrong answer.")
  var abortOnWrong = false

  @Option(help: "Where the report goes.")
  var json: String?

  func validate() throws {
    guard closed != (rate != nil) else {
      throw ValidationError("give --closed or --rate, one of the two")
    }
    guard rate ?? 1 > 0, duration > 0, warmup >= 0, 0...255 ~= retries, 1...256 ~= threads else {
      throw ValidationError(
        "--rate and --duration must be above 0, --warmup 0 or more, --retries 0 to 255,"
          + " --threads 1 to 256")
    }
    guard Arrivals(rawValue: arrivals) != nil else {
      throw ValidationError("--arrivals is constant or poisson")
    }
    guard cores == nil || coreList.count >= threads else {
      throw ValidationError("--cores names a core for each thread, such as 1,3")
    }
  }

  private var coreList: [Int] { (cores ?? "").split(separator: ",").compactMap { Int($0) } }

  /// A plan without classes.
  func plan() throws -> Plan {
    var plan = Plan(classes: [])
    plan.threads = threads
    plan.cores = coreList
    plan.seconds = duration
    plan.warmupSeconds = warmup
    plan.ratePerSecond = rate
    plan.arrivals = Arrivals(rawValue: arrivals) ?? .constant
    plan.giveUpNanoseconds = giveUpMilliseconds.map { UInt64(max($0, 0) * 1e6) }
    plan.retriesMax = retries
    plan.abortsOnWrong = abortOnWrong
    return plan
  }

  func write(_ report: JSONValue) throws {
    guard let json else { return }
    try Inputs.write(Report.text(report), to: json)
  }
}

/// Turns what the user gave into values, or says what is wrong with it.
enum Inputs {
  static func file(_ path: String) throws -> [UInt8] {
    do throws(System.Fault) {
      return try System.readFile(path, byteCountMax: 4 << 30)
    } catch {
      throw Failure(error.description)
    }
  }

  static func write(_ bytes: [UInt8], to path: String) throws {
    do throws(System.Fault) {
      let file = try OutputFile(path: path)
      try file.append(bytes)
      try file.flush()
    } catch {
      throw Failure(error.description)
    }
  }

  /// A file's text without blanks around it.
  static func text(_ path: String) throws -> String {
    let bytes = try file(path)
    let isBlank: (UInt8) -> Bool = { $0 <= 0x20 }
    let rest = bytes.drop(while: isBlank)
    let end = rest.lastIndex { $0 > 0x20 }.map { $0 + 1 } ?? rest.startIndex
    return String(decoding: rest[..<end], as: UTF8.self)
  }

  static func endpoint(_ url: String) throws -> Endpoint {
    let cure = "it must be http://HOST:PORT or https://HOST:PORT"
    let isSecure = url.hasPrefix("https://")
    guard isSecure || url.hasPrefix("http://") else { throw Failure("\(url): \(cure)") }
    var authority = String(url.dropFirst(isSecure ? 8 : 7))
    if authority.hasSuffix("/") { authority.removeLast() }
    guard let colon = authority.lastIndex(of: ":"),
      let port = UInt16(authority[authority.index(after: colon)...]), colon > authority.startIndex,
      !authority.contains("/")
    else { throw Failure("\(url): \(cure)") }
    let host = authority[..<colon].filter { $0 != "[" && $0 != "]" }
    guard let address = Address(host: host, port: port) else {
      throw Failure("\(url): there is no host \(host)")
    }
    return Endpoint(
      address: address, host: host, isSecure: isSecure, authority: authority, url: url)
  }

  static func header(_ text: String) throws -> HeaderField {
    guard let colon = text.dropFirst().firstIndex(of: ":") else {
      throw Failure("--header '\(text)' is not 'name: value'")
    }
    let value = text[text.index(after: colon)...].drop { $0 == " " }
    let name = text[..<colon].lowercased()
    guard name.utf8.count + value.utf8.count < 8_192 else {
      throw Failure("the header \(name) is longer than 8 KiB")
    }
    return HeaderField(name, String(value))
  }

  static func form(_ text: String) throws -> Bodies.Form {
    switch text {
    case "text": return .text
    case "json": return .json
    default:
      let count = text.hasPrefix("batch=") ? Int(text.dropFirst(6)) ?? 0 : 0
      guard count > 0 else { throw Failure("\(text): a form is text, json or batch=N") }
      return .batch(count)
    }
  }

  static func check(_ text: String, of item: ClassPlan) throws -> Check {
    guard let check = Check(rawValue: text) else {
      throw Failure("\(text): a check is none, status or outcome")
    }
    guard check != .outcome || !item.bodies.outcomes.isEmpty else {
      throw Failure("outcomes can only be checked with a corpus, which says what is expected")
    }
    return check
  }

  /// Reads the bodies of a class; with a corpus its outcomes are checked.
  static func setBodies(
    of item: inout ClassPlan, bodyFile: String?, corpus: String?, form: String
  ) throws {
    if let bodyFile { item.bodies = Bodies([try file(bodyFile)]) }
    guard let corpus else { return }
    let form = try Inputs.form(form)
    item.bodies = try Bodies.corpus(try file(corpus), path: corpus, form: form)
    item.check = .outcome
    if !item.headers.contains(where: { $0.name == "content-type" }) {
      item.headers.append(
        HeaderField("content-type", form == .json ? "application/json" : "text/plain"))
    }
  }
}
