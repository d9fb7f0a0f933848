// swift-tools-version: 6.3
// CityCode. The picture, top to bottom; arrows point down only (Tests/TidyTests holds the table):
//
//   Services/issuer   Services/verifier   Services/relay      executables: routes, configuration
//        IssuerCore        VerifierCore        RelayCore      decisions, no I/O
//                     Server                                  sockets, admission, logs, metrics
//   HTTP2 Security Storage Codes Feed StatusCache QR YAML Compression   engines without sockets
//   CNghttp2 COpenSSL CLMDB CQRencode CPNG CYAML CISAL CZlib CZstd  Debian's C libraries
import PackageDescription

let strict: [SwiftSetting] = [
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("ExistentialAny"),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  // Debug builds, and so all tests, check exclusive access while they run; in the services the
  // checks were a fifteenth of a scan.
  .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

let nio: [Target.Dependency] = [
  .product(name: "NIOCore", package: "swift-nio"),
  .product(name: "NIOPosix", package: "swift-nio"),
  .product(name: "NIOHTTP1", package: "swift-nio"),
]
let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let arguments: Target.Dependency = .product(
  name: "ArgumentParser", package: "swift-argument-parser")

func library(_ name: String, at path: String? = nil, _ dependencies: [Target.Dependency]) -> Target
{
  .target(
    name: name, dependencies: dependencies, path: path ?? "Shared/\(name)", swiftSettings: strict)
}

func service(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name,
    dependencies: dependencies + [
      "Server", "Codes", "Security", "StatusCache", "Feed", "HTTP2", "JSON", "Storage", log,
      arguments,
    ],
    path: "Services/\(name)", exclude: ["Core"], swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(
    name: name, dependencies: dependencies, path: "Tests/\(name)", swiftSettings: strict)
}

let package = Package(
  name: "citycode",
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
  ],
  targets: [
    .systemLibrary(
      name: "CNghttp2", path: "Shared/CNghttp2", providers: [.apt(["libnghttp2-dev"])]),
    .systemLibrary(name: "COpenSSL", path: "Shared/COpenSSL", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CLMDB", path: "Shared/CLMDB", providers: [.apt(["liblmdb-dev"])]),
    .systemLibrary(
      name: "CQRencode", path: "Shared/CQRencode", providers: [.apt(["libqrencode-dev"])]),
    .systemLibrary(name: "CPNG", path: "Shared/CPNG", providers: [.apt(["libpng-dev"])]),
    .systemLibrary(name: "CZlib", path: "Shared/CZlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CISAL", path: "Shared/CISAL", providers: [.apt(["libisal-dev"])]),
    .systemLibrary(name: "CZstd", path: "Shared/CZstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(name: "CYAML", path: "Shared/CYAML", providers: [.apt(["libyaml-dev"])]),

    .systemLibrary(name: "CLinux", path: "Shared/CLinux"),
    .systemLibrary(name: "CRecords", path: "Shared/CRecords"),
    .systemLibrary(name: "CChecksum", path: "Shared/CChecksum"),

    library("Codes", []),
    library("JSON", []),
    library("HTTP2", ["CNghttp2"]),
    library("Security", ["COpenSSL"]),
    library("Storage", ["CChecksum", "CLMDB"]),
    library("QR", ["CQRencode", "CPNG"]),
    library("YAML", ["CYAML"]),
    library("Compression", ["CISAL", "CZlib", "CZstd"]),
    library("Records", ["CRecords"]),
    library("Feed", ["Codes", "Security"]),
    library("StatusCache", ["Codes", "Storage", "Feed", "Security"]),
    library("Server", ["HTTP2", "Security", "Codes", "JSON", "CLinux", log, arguments] + nio),

    library(
      "IssuerCore", at: "Services/issuer/Core", ["Codes", "Feed", "Records", "Security", "YAML"]),
    library("VerifierCore", at: "Services/verifier/Core", ["Codes", "Feed", "JSON", "Security"]),
    library("RelayCore", at: "Services/relay/Core", ["Codes", "Feed", "Security"]),
    service("issuer", ["IssuerCore", "QR", "Compression", "Records"]),
    service("verifier", ["VerifierCore"]),
    service("relay", ["RelayCore"]),

    library("World", at: "deploy/demo/World", ["Server", "HTTP2", "Security", "Codes", "JSON"]),
    .executableTarget(
      name: "demo", dependencies: ["World", "Server", arguments], path: "deploy/demo/Command",
      swiftSettings: strict),

    .systemLibrary(name: "CLoadgen", path: "bench/CLoadgen"),
    .executableTarget(
      name: "loadgen",
      dependencies: [
        "CLoadgen", "World", "IssuerCore", "Server", "HTTP2", "Security", "Codes", "JSON",
        "RawHTTP2", arguments,
        .product(name: "Histogram", package: "hdrhistogram-swift"),
      ],
      path: "bench/loadgen", swiftSettings: strict),

    library("Support", at: "Tests/Support", []),
    .executableTarget(
      name: "StatusCacheProbe", dependencies: ["StatusCache", "Codes", "Storage", "Feed"],
      path: "Tests/StatusCacheProbe", swiftSettings: strict),
    library("RawHTTP2", at: "Tests/RawHTTP2", ["Security"]),
    tests("CodesTests", ["Codes", "Support"]),
    tests("JSONTests", ["JSON", "Support"]),
    tests("HTTP2Tests", ["HTTP2", "Support"]),
    tests("SecurityTests", ["Security", "Support"]),
    tests("StorageTests", ["Storage", "Support", "StatusCacheProbe"]),
    tests("FeedTests", ["Feed", "Codes", "Security", "Support"]),
    tests(
      "StatusCacheTests",
      [
        "StatusCache", "Storage", "Feed", "Codes", "Security", "Support", "StatusCacheProbe",
      ]),
    tests("RecordsTests", ["Codes", "Records", "Support"]),
    tests(
      "ComputeTests",
      [
        "issuer", "IssuerCore", "Records", "Codes", "Feed", "Security", "Server", "StatusCache",
        "Storage", "Support",
      ]),
    tests("QRTests", ["QR", "Support"]),
    tests("CompressionTests", ["Compression", "Support"]),
    tests("YAMLTests", ["YAML", "Support"]),
    tests(
      "ServerTests", ["Server", "HTTP2", "Security", "Codes", "JSON", "RawHTTP2", "Support", log]),
    tests("IssuerCoreTests", ["IssuerCore", "Codes", "Feed", "Security", "Support"]),
    tests(
      "IssuerTests",
      [
        "issuer", "IssuerCore", "Server", "StatusCache", "Storage", "Codes", "Feed", "Security",
        "Support",
      ]),
    tests(
      "VerifierCoreTests",
      ["VerifierCore", "IssuerCore", "Codes", "Feed", "JSON", "Security", "Support"]),
    tests("RelayCoreTests", ["RelayCore", "Codes", "Feed", "Security", "Support"]),
    tests("TidyTests", []),
    tests(
      "LoadGeneratorTests",
      [
        "loadgen", "World", "IssuerCore", "RawHTTP2", "Codes", "JSON",
        .product(name: "Histogram", package: "hdrhistogram-swift"),
      ]),
    tests("ConformanceTests", ["RawHTTP2", "World"]),
    tests("BenchmarkTests", ["World"]),
    tests(
      "EndToEndTests",
      [
        "World", "Server", "HTTP2", "Security", "Codes", "Feed", "JSON", "RawHTTP2", "StatusCache",
        "Storage", "issuer", "verifier", "relay", "loadgen",
      ]),
  ],
  swiftLanguageModes: [.v6]
)
