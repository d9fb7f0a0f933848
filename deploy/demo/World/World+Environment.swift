import JSON

/// The file for shells that want to talk to a world, and codes to scan.
extension World {
  /// Seconds that the codes of `sampleCodes` count.
  package static let sampleCodeSeconds = 3_600

  /// Handles of distinct holders of the first region who get codes by themselves, as many as
  /// there are up to `count`.
  package func handles(count: Int) async throws -> [String] {
    // 95 of 100 rows are no dependants.
    let rows = min(count + count / 16 + 20, people(of: home))
    let people = try await sample(of: home, count: rows)
      .filter { $0.kind != "dependant" }.prefix(count)
    let channel = try home.channel()
    return try await inOrder(Array(people)) { try await channel.register($0) }
  }

  /// Distinct codes valid for an hour, of distinct holders where there are enough.
  package func sampleCodes(count: Int, of handles: [String]) async throws -> [String] {
    let channel = try home.channel()
    let owners = (0..<count).map { handles[$0 % handles.count] }
    return try await inOrder(owners) { handle in
      try await channel.code(of: handle, .init(lifetimeSeconds: Self.sampleCodeSeconds))
    }
  }

  /// Applies `body` to all elements, a few at a time; the results are in order.
  private func inOrder<Element: Sendable, Value: Sendable>(
    _ elements: [Element], _ body: @escaping @Sendable (Element) async throws -> Value
  ) async throws -> [Value] {
    var values: [Value?] = Array(repeating: nil, count: elements.count)
    try await withThrowingTaskGroup(of: (Int, Value).self) { group in
      for (index, element) in elements.enumerated() {
        if index >= 16, let (done, value) = try await group.next() { values[done] = value }
        group.addTask { (index, try await body(element)) }
      }
      for try await (done, value) in group { values[done] = value }
    }
    return values.map { $0! }
  }

  /// The variables of `.run/env`. `codesFile` is where `sampleCodes` were written.
  package func variables(codesFile: String, sampleHandle: String) -> [(name: String, value: String)]
  {
    var variables: [(name: String, value: String)] = []
    for (index, (site, prefix)) in zip(sites, ["", "PARTNER_"]).enumerated() {
      // What `issuer sample` needs to name the same people again.
      variables.append(("\(prefix)WORLD_REGION", site.region))
      variables.append(("\(prefix)WORLD_PEOPLE", "\(people(of: site))"))
      variables.append(("\(prefix)WORLD_SEED", "\(plan.seed + UInt64(index))"))
      for service in plan.services {
        let name = prefix + service.uppercased()
        variables.append(("\(name)_URL", site.url(service)))
        variables.append(("\(name)_H2C_URL", site.clearURL(service)))
        variables.append(("\(name)_ADMIN_URL", site.adminURL(service)))
      }
      for (name, role) in [
        ("CHANNEL", Role.channel), ("POINT", .point), ("HOSPITAL", .hospital),
        ("AUTHORITY", .authority),
      ] {
        variables.append(("\(prefix)\(name)_TOKEN", site.credentials.token(role)))
      }
    }
    variables.append(("CA_FILE", certificateFile))
    variables.append(("SAMPLE_HANDLE", sampleHandle))
    variables.append(("SAMPLE_CODES", codesFile))
    return variables
  }

  /// Makes the sample codes and writes `directory`/env, last and in one step: who sees the file
  /// can use the world.
  package func writeEnvironment(directory: String) async throws {
    let handles = try await handles(count: 1_000)
    guard let first = handles.first else { throw WorldError("the population is empty") }
    let codes = try await sampleCodes(count: 1_000, of: handles)
    let codesFile = "\(directory)/sample-codes"
    try Files.write(codes.joined(separator: "\n") + "\n", to: codesFile)
    let lines = variables(codesFile: codesFile, sampleHandle: first).map { name, value in
      "export \(name)='\(value)'\n"
    }
    try Files.write(
      "# A throw-away CityCode world on this machine's loopback; its tokens are worth nothing"
        + " elsewhere.\n" + lines.joined(), to: "\(directory)/env")
  }

  /// Commands to try, for a shell that has read `environmentFile`.
  package static func commands(environmentFile: String) -> [String] {
    let curl = "curl -sS --http2 --cacert \"$CA_FILE\""
    func bearer(_ name: String) -> String { "-H \"authorization: Bearer $\(name)_TOKEN\"" }
    return [
      ". \(environmentFile)",
      "CODE=$(\(curl) \(bearer("CHANNEL")) -H 'content-type: application/json'"
        + " -d \"{\\\"handle\\\":\\\"$SAMPLE_HANDLE\\\"}\" \"$ISSUER_URL/v1/codes?as=text\")",
      "\(curl) \(bearer("POINT")) -H 'content-type: text/plain' -d \"$CODE\""
        + " \"$VERIFIER_URL/v1/scans\"",
      "\(curl) \(bearer("AUTHORITY")) -H 'content-type: application/json' -X PUT"
        + " -d '{\"colour\":\"yellow\",\"reason\":3,\"actor\":\"me\",\"ticket\":\"T-1\"}'"
        + " \"$ISSUER_URL/v1/holders/$SAMPLE_HANDLE/status\"",
      "\(curl) \(bearer("POINT")) -H 'content-type: text/plain' -d \"$CODE\""
        + " \"$VERIFIER_URL/v1/scans\"",
      "\(curl) \(bearer("CHANNEL")) -H 'content-type: application/json'"
        + " -d \"{\\\"handle\\\":\\\"$SAMPLE_HANDLE\\\"}\" \"$ISSUER_URL/v1/codes?as=terminal\"",
      "\(curl) \(bearer("PARTNER_POINT")) -H 'content-type: text/plain' -d \"$CODE\""
        + " \"$PARTNER_VERIFIER_URL/v1/scans\"",
      "curl -sS \"$VERIFIER_ADMIN_URL/readyz?verbose\"",
    ]
  }
}
