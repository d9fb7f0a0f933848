import Security
import Server
import Testing

@Suite struct GrantTableTests {
  private static let token = Array("a-token-of-the-gates".utf8)
  private static let digest = SHA256.hash(token.span).hex

  private func table(_ text: String) throws(GrantTable.Fault) -> GrantTable {
    try GrantTable(json: Array(text.utf8))
  }

  private func fault(_ text: String) -> String? {
    do {
      _ = try table(text)
      return nil
    } catch {
      return error.message
    }
  }

  @Test("a principal is found by its certificate's URI, and by its token")
  func found() throws {
    let table = try table(
      """
      {"principals": [
        {"name": "gates", "token_sha256": "\(Self.digest)", "grants": ["scans.write"],
         "channel": 65535, "scenes": ["pool", "*"], "point": "gate-1", "region": "330000"},
        {"name": "spiffe://310000.citycode.example/relay", "grants": []}
      ]}
      """)
    let byToken = table.principal(token: Self.token.span)
    for gates in [try #require(byToken), table.principal(certificateURI: "gates")] {
      #expect(gates.name == "gates")
      #expect(gates.grants == ["scans.write"])
      #expect(gates.channel == 65_535)
      #expect(gates.scenes == ["pool", "*"])
      #expect(gates.point == "gate-1" && gates.region == "330000")
    }
    let relay = table.principal(certificateURI: "spiffe://310000.citycode.example/relay")
    #expect(relay.grants.isEmpty && relay.channel == 0 && relay.scenes.isEmpty)
  }

  @Test("a certificate without a row may do nothing; a token without a row is nobody")
  func strangers() throws {
    let table = try table(
      #"{"principals": [{"name": "a", "token_sha256": "\#(Self.digest)", "grants": []}]}"#)
    let stranger = table.principal(certificateURI: "spiffe://x/y")
    #expect(stranger.name == "spiffe://x/y" && stranger.grants.isEmpty)
    for token in ["", "a-token-of-the-gate", "a-token-of-the-gatess", Self.digest] {
      let bytes = Array(token.utf8)
      #expect(table.principal(token: bytes.span) == nil, "\(token)")
    }
  }

  @Test("a digest may be written in upper case")
  func upperCase() throws {
    let table = try table(
      #"{"principals": [{"name": "a", "token_sha256": "\#(Self.digest.uppercased())","#
        + #""grants": []}]}"#)
    #expect(table.principal(token: Self.token.span)?.name == "a")
  }

  @Test("every grant that a route may ask for can be given")
  func grants() throws {
    #expect(Grant.all.count == 10)
    for grant in Grant.all {
      let table = try table(#"{"principals": [{"name": "a", "grants": ["\#(grant)"]}]}"#)
      #expect(table.principal(certificateURI: "a").grants == [grant])
    }
  }

  @Test(
    "a table that cannot be used is refused, and what is wrong is named",
    arguments: [
      ("", "JSON"), ("[]", "\"principals\""), ("{}", "\"principals\""),
      (#"{"principals": {}}"#, "\"principals\""),
      (#"{"principals": [], "more": 1}"#, "\"principals\""),
      (#"{"principals": [{"grants": []}]}"#, "principals[0]: \"name\""),
      (#"{"principals": [{"name": "", "grants": []}]}"#, "principals[0]: \"name\""),
      (#"{"principals": [7]}"#, "principals[0]: \"name\""),
      (#"{"principals": [{"name": "a"}]}"#, "principals[0]: \"grants\""),
      (#"{"principals": [{"name": "a", "grants": "scans.write"}]}"#, "principals[0]: \"grants\""),
      (#"{"principals": [{"name": "a", "grants": [1]}]}"#, "principals[0]: \"grants\""),
      (#"{"principals": [{"name": "a", "grants": ["scan"]}]}"#, "unknown grant \"scan\""),
      (#"{"principals": [{"name": "a", "grants": ["*"]}]}"#, "unknown grant \"*\""),
      (
        #"{"principals": [{"name": "a", "grants": []}, {"name": "a", "grants": []}]}"#,
        "principals[1]: the name a stands twice"
      ),
      (
        #"{"principals": [{"name": "a", "grants": [], "chanel": 1}]}"#, "unknown member \"chanel\""
      ),
      (#"{"principals": [{"name": "a", "grants": [], "channel": 65536}]}"#, "\"channel\""),
      (#"{"principals": [{"name": "a", "grants": [], "channel": -1}]}"#, "\"channel\""),
      (
        #"{"principals": [{"name": "a", "grants": [], "token_sha256": "abc"}]}"#,
        "\"token_sha256\""
      ),
      (
        #"{"principals": [{"name": "a", "grants": [], "token_sha256": "a-token"}]}"#,
        "\"token_sha256\""
      ),
    ])
  func refused(text: String, part: String) throws {
    let message = try #require(fault(text))
    #expect(message.contains(part), "\(message)")
  }

  @Test(
    "a member of the wrong type is refused, not taken as left out",
    arguments: [
      ("channel", "\"1\""), ("channel", "1.5"), ("channel", "null"), ("token_sha256", "5"),
      ("token_sha256", "null"), ("scenes", "\"pool\""), ("scenes", "[1]"), ("point", "1"),
      ("region", "330000"),
    ])
  func wrongTypes(member: String, value: String) throws {
    let message = try #require(
      fault(#"{"principals": [{"name": "a", "grants": [], "\#(member)": \#(value)}]}"#))
    #expect(message.hasPrefix("principals[0]: \"\(member)\" must be "))
  }

  @Test("a name that the change log could not take is refused with its row")
  func unfitNames() throws {
    let long = String(repeating: "n", count: 65)
    for name in [long, "a\\u0007b", ""] {
      let message = try #require(fault(#"{"principals": [{"name": "\#(name)", "grants": []}]}"#))
      #expect(message.hasPrefix("principals[0]: \"name\""))
    }
    let fits = String(repeating: "n", count: 64)
    #expect(fault(#"{"principals": [{"name": "\#(fits)", "grants": []}]}"#) == nil)
  }

  @Test("two principals cannot have one token")
  func sharedToken() throws {
    let row = #""grants": [], "token_sha256": "\#(Self.digest)""#
    let message = try #require(
      fault(#"{"principals": [{"name": "a", \#(row)}, {"name": "b", \#(row)}]}"#))
    #expect(message.contains("principals[1]: its token is already another principal's"))
    // Nor does a complaint say what the digest is.
    #expect(!message.contains(Self.digest))
  }
}
