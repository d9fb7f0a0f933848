import Foundation
import Testing

@testable import Security

@Suite struct SigningKeyTests {
  struct Vector: Sendable {
    let name: String
    let seed: String
    let raw: String
    let message: String
    let signature: String
  }

  static let vectors = [
    Vector(
      name: "RFC 8032 §7.1 test 1",
      seed: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
      raw: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", message: "",
      signature: """
        e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e3970
        1cf9b46bd25bf5f0595bbe24655141438e7a100b
        """),
    Vector(
      name: "RFC 8032 §7.1 test 2",
      seed: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
      raw: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", message: "72",
      signature: """
        92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613
        d0f11d8c387b2eaeb4302aeeb00d291612bb0c00
        """),
    Vector(
      name: "RFC 8032 §7.1 test 3",
      seed: "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
      raw: "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", message: "af82",
      signature: """
        6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760
        984dc6594a7c15e9716ed28dc027beceea1ec40a
        """),
  ]

  @Test("signs as RFC 8032 and verifies it", arguments: vectors)
  func known(vector: Vector) throws {
    let key = try SigningKey(seed: hex(vector.seed))
    #expect(key.verifyingKey.raw == hex(vector.raw))
    let signature = key.sign(hex(vector.message))
    #expect(signature == hex(vector.signature), "\(vector.name)")
    let verifier = try VerifyingKey(raw: hex(vector.raw))
    #expect(verifier.verify(signature: signature, of: hex(vector.message)))
  }

  @Test("a signature with any changed bit, or of another message or key, does not verify")
  func forged() throws {
    let key = try SigningKey.generate()
    let message = SecureRandom.bytes(20)
    let signature = key.sign(message)
    for bit in 0..<512 {
      #expect(!key.verifyingKey.verify(signature: flipped(signature, bit), of: message))
    }
    for bit in 0..<160 {
      #expect(!key.verifyingKey.verify(signature: signature, of: flipped(message, bit)))
    }
    let stranger = try SigningKey.generate().verifyingKey
    #expect(!stranger.verify(signature: signature, of: message))
    #expect(!key.verifyingKey.verify(signature: [], of: message))
    #expect(!key.verifyingKey.verify(signature: (signature + [0]), of: message))
    #expect(key.verifyingKey.verify(signature: signature, of: message))
  }

  @Test("a key written to a file is private, comes back the same, and is never overwritten")
  func file() throws {
    let path = TestDirectory.make() + "/signing.pem"
    let key = try SigningKey.generate()
    try key.write(pemFile: path)
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    let again = try SigningKey(pemFile: path)
    #expect(again.verifyingKey == key.verifyingKey)
    #expect(again.sign([1]) == key.sign([1]))
    let overwritten = failure { () throws(SecurityError) in try key.write(pemFile: path) }
    #expect(overwritten?.code == .fileExists)
    #expect(try SigningKey(pemFile: path).verifyingKey == key.verifyingKey)
  }

  @Test("the openssl command reads the keys and accepts the signatures, and the other way round")
  func interoperates() throws {
    let directory = TestDirectory.make()
    let key = try SigningKey.generate()
    let message = directory + "/message"
    let signature = directory + "/signature"
    let publicKey = directory + "/public.pem"
    try Data("stamped".utf8).write(to: URL(fileURLWithPath: message))
    try Data(key.sign(Array("stamped".utf8))).write(to: URL(fileURLWithPath: signature))
    try Data(key.verifyingKey.pem.utf8).write(to: URL(fileURLWithPath: publicKey))
    let verified = Command.run(
      "openssl",
      [
        "pkeyutl", "-verify", "-pubin", "-inkey", publicKey, "-rawin", "-in", message, "-sigfile",
        signature,
      ])
    #expect(verified.status == 0, "\(verified.output)\(verified.errors)")
    #expect(try VerifyingKey(pemFile: publicKey) == key.verifyingKey)
    #expect(try VerifyingKey(pem: key.verifyingKey.pem) == key.verifyingKey)

    let made = directory + "/made.pem"
    #expect(
      Command.run("openssl", ["genpkey", "-algorithm", "ed25519", "-out", made]).status == 0)
    try TestDirectory.setMode(0o600, of: made)
    let theirs = try SigningKey(pemFile: made)
    #expect(theirs.verifyingKey != key.verifyingKey)
  }

  @Test("refuses keys of another kind, with a passphrase, and text that is no key")
  func wrongKeys() throws {
    let directory = TestDirectory.make()
    let elliptic = TestAuthority.shared.key("ca")
    #expect(keyFailure(elliptic) == .malformedKey)
    let locked = directory + "/locked.pem"
    let made = Command.run(
      "openssl",
      ["genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "pass:secret", "-out", locked])
    #expect(made.status == 0)
    try TestDirectory.setMode(0o600, of: locked)
    #expect(keyFailure(locked) == .malformedKey)
    let text = directory + "/text.pem"
    try Data("not a key".utf8).write(to: URL(fileURLWithPath: text))
    try TestDirectory.setMode(0o600, of: text)
    #expect(keyFailure(text) == .malformedKey)
    let short = [UInt8](repeating: 1, count: 31)
    let raw = failure { () throws(SecurityError) in _ = try VerifyingKey(raw: short) }
    #expect(raw?.code == .wrongSize)
    let seed = failure { () throws(SecurityError) in _ = try SigningKey(seed: short) }
    #expect(seed?.code == .wrongSize)
    let publicElliptic = Command.run("openssl", ["pkey", "-in", elliptic, "-pubout"]).output
    for pem in ["x", publicElliptic] {
      let error = failure { () throws(SecurityError) in _ = try VerifyingKey(pem: pem) }
      #expect(error?.code == .malformedKey)
    }
  }

  private func keyFailure(_ path: String) -> SecurityError.Code? {
    failure { () throws(SecurityError) in _ = try SigningKey(pemFile: path) }?.code
  }
}

@Suite struct SecretHidingTests {
  @Test("no text made of a key holds any of its bytes")
  func descriptions() throws {
    let secret = repeated(0xab, 32)
    let signing = try SigningKey(seed: secret)
    let objects: [(any CustomStringConvertible, Any)] = [
      (signing, signing), (HMACSHA256(key: secret), HMACSHA256(key: secret)),
      (AESGCM(key: secret), AESGCM(key: secret)),
      (AES256Block(key: secret), AES256Block(key: secret)),
    ]
    for (object, any) in objects {
      var dumped = ""
      dump(any, to: &dumped)
      for text in [object.description, "\(any)", String(reflecting: any), dumped] {
        #expect(text.contains("hidden"), "\(text)")
        #expect(!text.lowercased().contains("abab") && !text.contains("171"), "\(text)")
      }
      #expect(Mirror(reflecting: any).children.isEmpty)
    }
    #expect(!"\(signing)".contains(signing.verifyingKey.raw.map { String($0, radix: 16) }.joined()))
  }
}

/// Returns the error that `body` throws.
func failure(_ body: () throws(SecurityError) -> Void) -> SecurityError? {
  do {
    try body()
    return nil
  } catch {
    return error
  }
}
