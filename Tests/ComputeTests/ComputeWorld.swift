import Codes
import Feed
import Foundation
import IssuerCore
import Security
import Server
import StatusCache
import Storage
import Support

@testable import issuer

/// A registry of a few people, a plan, and raw records in files, in a directory of their own.
final class ComputeWorld {
  let directory: TemporaryDirectory
  let region = Region(text: "310000")!
  let secret: RegionSecret
  let key: SigningKey
  let registry: Registry

  /// Serial 1 is the first of them: a resident's number each, in order.
  init(_ documents: [(DocumentType, String)], contacts: [(String, String, UInt64)] = []) throws {
    directory = try TemporaryDirectory(quick: true)
    secret = RegionSecret(
      region: region, secret: [UInt8](repeating: 1, count: 32),
      pepper: [UInt8](repeating: 2, count: 32))
    key = try SigningKey.generate()
    registry = try Registry(
      directory: directory.path, region: region, mapSizeBytes: 1 << 28)
    let (registry, secret) = (registry, secret)
    var keys: [(Bytes16, UInt64)] = []
    for (index, document) in documents.enumerated() {
      let checked = try Document(type: document.0, text: document.1)
      keys.append((secret.key(of: checked), UInt64(index + 1)))
    }
    let contactKeys: [(Bytes16, UInt64)] = contacts.map { phone, name, serial in
      let (phone, name) = (Array(phone.utf8), Array(name.utf8))
      return (secret.contactKey(phone: phone.span, name: name.span)!, serial)
    }
    try registry.environment.write { transaction throws(StorageError) in
      for (key, serial) in keys {
        try transaction.put(
          registry.documents, key: key.bytes.span, value: Serial(unchecked: serial).bytes.span)
      }
      for (key, serial) in contactKeys {
        try transaction.put(
          registry.contacts, key: key.bytes.span, value: Serial(unchecked: serial).bytes.span)
      }
      var state = Registry.State(nextSerial: 1, lastPosition: 7, chain: .start(registry.region))
      state.nextSerial = UInt64(keys.count + 1)
      try registry.put(state, in: &transaction)
    }
  }

  /// Valid numbers of residents, all different.
  static func numbers(_ count: Int) -> [String] {
    (0..<count).map { index in
      let sequence = String(1_000 + index % 1_000).dropFirst()
      let days = index / 1_000
      let digits = "310101\(1950 + days % 50)0\(1 + days / 50 % 9)1\(days / 450 % 10)\(sequence)"
      let bytes = Array(digits.utf8)
      return digits + String(UnicodeScalar(ResidentID.checkCharacter(of: bytes.span)))
    }
  }

  static func residents(_ count: Int) -> [(DocumentType, String)] {
    numbers(count).map { (.residentID, $0) }
  }

  func write(_ text: String, to name: String) throws { try write(Array(text.utf8), to: name) }

  func write(_ bytes: [UInt8], to name: String) throws {
    let path = "\(directory.path)/\(name)"
    let folder = String(path[..<path.lastIndex(of: "/")!])
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }

  func read(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(directory.path)/\(name)")))
  }

  func text(_ name: String) throws -> String { String(decoding: try read(name), as: UTF8.self) }

  /// A plan of one source, `tests`, with all columns.
  static let plan = """
    plan: tests
    as_of: 2020-03-01T00:00:00+08:00
    time_zone: "+08:00"
    reject_share_max: 0.1
    kinds: [contact, test]
    results: [negative, positive]
    sources:
      - name: tests
        files: tests/*
        columns: {document_type: type, document: number, name: name, phone: phone,
                  result: result, time: at, place: place}
        kind: test
        document_types: {身份证: resident_id, P: passport}
        results: {阴性: negative}
        times: ["yyyy-MM-dd HH:mm:ss", "yyyy年MM月dd日", rfc3339, unix_milliseconds]
    valid: 2 days
    default: {colour: green, reason: 0}
    rules:
      - {rule: positive, colour: red, reason: 1, when: {latest: test, result: positive}}
      - {rule: negative, colour: yellow, reason: 2, when: {event: test, at_least: 2}}
    """

  static let header = "type,number,name,phone,result,at,place\n"

  func engine(
    plan: String = ComputeWorld.plan, _ change: (inout ComputeEngine.Options) -> Void = { _ in }
  ) throws -> ComputeEngine {
    try write(plan, to: "plan.yaml")
    var options = ComputeEngine.Options(spillDirectory: directory.path)
    options.threads = 2
    options.rejectsPath = "\(directory.path)/rejects.csv"
    options.isQuiet = true
    change(&options)
    let registry = registry
    return ComputeEngine(
      try ComputePlan.load(
        path: "\(directory.path)/plan.yaml", now: CityTime(minutes: 200_000)),
      ComputeEngine.Registered(secret: secret, region: region) { registry }, options)
  }

  /// Computes into `name`; the manifest and all pages.
  func run(
    into name: String = "out", plan: String = ComputeWorld.plan,
    _ change: (inout ComputeEngine.Options) -> Void = { _ in }
  ) throws -> ComputeEngine.Result {
    try engine(plan: plan, change).run(into: "\(directory.path)/\(name)", signedBy: key)
  }
}
