import Server
import Support
import Testing

@Suite struct ConfigurationTests {
  private static let settings = [
    Setting("region", .string, default: nil, "GB/T 2260 code"),
    Setting("listen", .string, default: "127.0.0.1:8440", "host:port"),
    Setting("listen_h2c", .string, default: "", "host:port, empty: off"),
    Setting("h2c_anywhere", .boolean, default: "false", "allow other addresses"),
    Setting("loops", .integer(0...256), default: "0", "event loops"),
    Setting("partners", .list, default: "", "region=url"),
  ]

  private func configuration(
    file: String? = nil, environment: [String: String] = [:], overrides: [String] = []
  ) throws(ConfigurationError) -> Configuration {
    try Configuration(
      service: "issuer", settings: Self.settings, file: file, environment: environment,
      overrides: overrides)
  }

  private func fault(
    file: String? = nil, environment: [String: String] = [:], overrides: [String] = []
  ) -> String {
    do {
      let taken = try configuration(file: file, environment: environment, overrides: overrides)
      return "took \(taken.printed(explained: false))"
    } catch {
      return error.message
    }
  }

  @Test("default < file < environment < command line, key by key")
  func precedence() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.file("c.json", #"{"listen": "file:1", "loops": 2, "region": "f"}"#)
    let environment = [
      "CITYCODE_ISSUER_LISTEN": "environment:1", "CITYCODE_ISSUER_LOOPS": "3",
      "CITYCODE_VERIFIER_REGION": "another service's", "LOOPS": "9",
    ]
    let all = try configuration(file: file, environment: environment, overrides: ["loops=4"])
    #expect(try all.integer("loops") == 4)
    #expect(try all.string("listen") == "environment:1")
    #expect(try all.string("region") == "f")
    #expect(try all.boolean("h2c_anywhere") == false)
    let environmentOnly = try configuration(environment: environment)
    #expect(try environmentOnly.integer("loops") == 3)
    #expect(environmentOnly.optional("region") == nil)
    #expect(try configuration(file: file).integer("loops") == 2)
    #expect(try configuration().integer("loops") == 0)
    #expect(try configuration(overrides: ["loops=1", "loops=2"]).integer("loops") == 2)
  }

  @Test("every kind of value is read from file, environment and command line alike")
  func kinds() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.file(
      "c.json", #"{"partners": ["330000=a", "320000=b"], "h2c_anywhere": true, "loops": 256}"#)
    let environment = [
      "CITYCODE_ISSUER_PARTNERS": "330000=a,320000=b", "CITYCODE_ISSUER_H2C_ANYWHERE": "true",
      "CITYCODE_ISSUER_LOOPS": "256",
    ]
    let overrides = ["partners=330000=a,320000=b", "h2c_anywhere=true", "loops=256"]
    for read in [
      try configuration(file: file), try configuration(environment: environment),
      try configuration(overrides: overrides),
    ] {
      #expect(read.list("partners") == ["330000=a", "320000=b"])
      #expect(try read.boolean("h2c_anywhere"))
      #expect(try read.integer("loops") == 256)
    }
    #expect(try configuration().list("partners") == [])
  }

  @Test("an unknown key is refused wherever it stands, with its source and the nearest keys")
  func unknownKeys() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.file("c.json", #"{"listen_h2": "x"}"#)
    for (text, source) in [
      (fault(file: file), file),
      (fault(environment: ["CITYCODE_ISSUER_LISTEN_H2": "x"]), "CITYCODE_ISSUER_LISTEN_H2"),
      (fault(overrides: ["listen_h2=x"]), "--set"),
    ] {
      #expect(text.contains("unknown configuration key \"listen_h2\""))
      #expect(text.contains(source))
      #expect(text.contains("Did you mean listen or listen_h2c?"))
      #expect(text.contains("--print-config"))
    }
    #expect(fault(overrides: ["lsten=x"]).contains("Did you mean listen?"))
    #expect(fault(overrides: ["ergion=x"]).contains("Did you mean region?"))
    #expect(!fault(overrides: ["zebra=1"]).contains("Did you mean"))
    #expect(fault(overrides: ["=1"]).hasPrefix("unknown configuration key \"\""))
  }

  @Test(
    "a value that cannot be is refused with its key, its source and what it must be",
    arguments: [
      ("loops=257", "0 to 256"), ("loops=-1", "0 to 256"), ("loops=many", "0 to 256"),
      ("loops=", "0 to 256"), ("loops=1.5", "0 to 256"), ("h2c_anywhere=yes", "true or false"),
      ("h2c_anywhere=TRUE", "true or false"), ("h2c_anywhere=", "true or false"),
      ("loops", "key=value"),
    ])
  func badValues(pair: String, cure: String) {
    let text = fault(overrides: [pair])
    #expect(text.contains(cure) && text.contains("--set"), "\(text)")
    #expect(text.contains(pair.prefix { $0 != "=" }))
  }

  @Test(
    "a file that cannot be used is refused with its path",
    arguments: [
      "", "[]", "7", "{", #"{"loops": 1.5}"#, #"{"loops": null}"#, #"{"loops": {}}"#,
      #"{"partners": [1]}"#, #"{"loops": 1, "loops": 2}"#, #"{"loops": 999}"#, "{\"loops\": 1,}",
    ])
  func badFiles(text: String) throws {
    let directory = try TemporaryDirectory()
    let file = try directory.file("c.json", text)
    let message = fault(file: file)
    #expect(message.contains(file), "\(message)")
  }

  @Test("a missing file is refused with its path")
  func missingFile() throws {
    let directory = try TemporaryDirectory()
    #expect(fault(file: directory.path + "/none.json").contains("none.json"))
  }

  @Test("a key that must be given says in which three ways")
  func required() throws {
    do {
      _ = try configuration().string("region")
      Issue.record("there is no region")
    } catch {
      #expect(error.message.hasPrefix("region is not set"))
      #expect(error.message.contains("CITYCODE_ISSUER_REGION"))
      #expect(error.message.contains("--set region="))
    }
    #expect(throws: ConfigurationError.self) {
      try configuration(overrides: ["region="]).string("region")
    }
  }

  @Test("a value may hold equals signs, blanks and quotation marks")
  func oddValues() throws {
    for value in ["a=b=c", " ", "\"", "\\", "码", "a\nb", "{}"] {
      let read = try configuration(overrides: ["region=\(value)"])
      #expect(try read.string("region") == value)
      #expect(try Self.readBack(read).string("region") == value)
    }
  }

  private static func readBack(_ configuration: Configuration) throws -> Configuration {
    let directory = try TemporaryDirectory()
    let file = try directory.file("c.json", configuration.printed(explained: false))
    return try Configuration(service: "issuer", settings: settings, file: file)
  }

  @Test("what is printed reads back as the same configuration")
  func printed() throws {
    for overrides in [
      [],
      ["loops=7", "h2c_anywhere=true", "region=310000", "partners=330000=https://a:1,320000=b"],
    ] {
      let read = try configuration(overrides: overrides)
      let again = try Self.readBack(read)
      #expect(again.printed(explained: false) == read.printed(explained: false))
      #expect(again.list("partners") == read.list("partners"))
      #expect(again.optional("region") == read.optional("region"))
      #expect(try again.integer("loops") == read.integer("loops"))
      #expect(try again.boolean("h2c_anywhere") == read.boolean("h2c_anywhere"))
    }
  }

  @Test("the explained form tells each key's meaning and where its value comes from")
  func explained() throws {
    let text = try configuration(
      environment: ["CITYCODE_ISSUER_LOOPS": "3"], overrides: ["region=310000"]
    ).printed(explained: true)
    let lines = text.split(separator: "\n").map { $0.trimmingPrefix { $0 == " " } }
    for (key, help, source) in [
      ("\"region\": \"310000\",", "// GB/T 2260 code", "// from: --set"),
      ("\"loops\": 3,", "// event loops", "// from: environment CITYCODE_ISSUER_LOOPS"),
      ("\"listen\": \"127.0.0.1:8440\",", "// host:port", "// from: default"),
    ] {
      let index = try #require(lines.firstIndex { $0 == key }, "\(key) in \(text)")
      #expect(lines[index - 2] == help)
      #expect(lines[index - 1] == source)
    }
  }
}
