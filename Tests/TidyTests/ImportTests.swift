import Testing

/// Who may know whom: the picture at the top of Package.swift as a table. Swift lets a target
/// import what only its dependencies declare, so the compiler does not hold this by itself.
@Suite struct ImportTests {
  private static let services = [
    "issuer": "IssuerCore", "verifier": "VerifierCore", "relay": "RelayCore",
  ]

  private static let table: [String: Set<String>] = {
    var table: [String: Set<String>] = [
      "Codes": [],
      "JSON": [],
      "HTTP2": ["CNghttp2", "Glibc", "Synchronization"],
      "Security": ["COpenSSL", "Glibc", "Synchronization"],
      "Storage": ["CChecksum", "CLMDB", "Glibc", "Synchronization"],
      "QR": ["CQRencode", "CPNG", "Glibc"],
      "YAML": ["CYAML"],
      "Compression": ["CISAL", "CZlib", "CZstd"],
      "Feed": ["Codes", "Security"],
      "StatusCache": [
        "Codes", "Feed", "Security", "Storage", "Synchronization",
      ],
      "Server": [
        "ArgumentParser", "CLinux", "Codes", "Glibc", "HTTP2", "JSON", "Logging", "NIOCore",
        "NIOHTTP1", "NIOPosix", "Security", "Synchronization",
      ],
      "Records": ["CRecords", "Glibc", "Synchronization"],
      "IssuerCore": ["Codes", "Feed", "Records", "Security", "YAML"],
      "VerifierCore": ["Codes", "Feed", "JSON", "Security"],
      "RelayCore": ["Codes", "Feed", "Security"],
    ]
    for (service, core) in services {
      table[service] = [
        "ArgumentParser", "Codes", "Feed", "HTTP2", "JSON", "Logging", "Security", "Server",
        "StatusCache", "Storage", "Synchronization", core,
      ]
    }
    table["issuer"]?.formUnion(["Compression", "QR", "Records"])
    return table
  }()

  /// The target that a file of `Shared` or `Services` belongs to.
  private static func module(of path: String) -> String {
    let parts = path.split(separator: "/").map(String.init)
    let isCore = parts[0] == "Services" && parts[2] == "Core"
    return isCore ? services[parts[1]] ?? parts[1] : parts[1]
  }

  @Test("every import of Shared and Services is in the table")
  func imports() {
    var seen: Set<String> = []
    var places: [String] = []
    for file in Repository.sources(under: "S") {
      let module = Self.module(of: file.path)
      seen.insert(module)
      let allowed = Self.table[module] ?? []
      for (name, line) in file.imports where !allowed.contains(name) {
        places.append("\(file.path):\(line): \(module) must not import \(name)")
      }
    }
    expectNone(places)
    #expect(seen == Set(Self.table.keys), "a target has no files, or the table lacks one")
  }

  @Test("C's libraries are known to one folder each, and to no test")
  func cLibraries() {
    let owners = [
      "CNghttp2": "HTTP2", "COpenSSL": "Security", "CLMDB": "Storage", "CQRencode": "QR",
      "CPNG": "QR", "CLinux": "Server",
      "CRecords": "Records", "CChecksum": "Storage", "CYAML": "YAML",
      "CISAL": "Compression", "CZlib": "Compression", "CZstd": "Compression",
    ]
    #expect(
      Set(owners.keys)
        == Set(
          Repository.folders(in: "Shared").filter { name in
            Repository.files(under: "Shared/\(name)").contains("Shared/\(name)/module.modulemap")
          }))
    for file in Repository.sources {
      for (name, line) in file.imports {
        guard let owner = owners[name] else { continue }
        #expect(file.path.hasPrefix("Shared/\(owner)/"), "\(file.path):\(line) imports \(name)")
      }
    }
  }

  @Test("Foundation is nowhere in what the services run, NIO only in Server")
  func heavyLibraries() {
    for file in Repository.sources(under: "S") {
      for (name, line) in file.imports {
        #expect(!name.hasPrefix("Foundation"), "\(file.path):\(line)")
        if name.hasPrefix("NIO") { #expect(file.path.hasPrefix("Shared/Server/")) }
      }
    }
  }

  @Test("services know nothing of each other")
  func services() {
    for (service, core) in Self.services {
      let foreign = Self.services.filter { $0.key != service }.flatMap { [$0.key, $0.value] }
      for file in Repository.sources(under: "Services/\(service)/") {
        for (name, line) in file.imports where foreign.contains(name) {
          Issue.record("\(file.path):\(line) imports \(name)")
        }
      }
      // A core is used by its own service and by tests.
      for file in Repository.sources(under: "S") where !file.path.hasPrefix("Services/\(service)/")
      {
        #expect(!file.imports.contains { $0.module == core }, "\(file.path)")
      }
    }
  }

  @Test("Package.swift declares what the table allows of ours, and no more")
  func package() throws {
    let text = try #require(Repository.text("Package.swift"))
    let ours = Set(Self.table.keys)
    for match in text.matches(of: /library\("(\w+)"(?:, at: "[^"]*")?,\s*\[([^\]]*)\]/) {
      let name = String(match.1)
      guard let allowed = Self.table[name] else { continue }
      let declared = match.2.matches(of: /"(\w+)"/).map { String($0.1) }.filter(ours.contains)
      #expect(Set(declared) == allowed.intersection(ours), "\(name)")
    }
  }

  @Test("imports are read in every form they can have")
  func forms() {
    let text = """
      import A
      package import B
      @testable import C
      @preconcurrency internal import D
      import struct E.F
        // import G
      let text = "import H"
      """
    let file = SourceFile(path: "x", lines: text.split(separator: "\n"))
    #expect(file.imports.map(\.module) == ["A", "B", "C", "D", "E"])
    #expect(file.imports.map(\.line) == [1, 2, 3, 4, 5])
  }
}
