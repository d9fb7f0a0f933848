@testable import Security

/// Test vectors are written in hexadecimal; blanks and line ends are ignored.
func hex(_ text: String) -> [UInt8] {
  let digits = text.compactMap(\.hexDigitValue)
  precondition(digits.count.isMultiple(of: 2), "a byte has two digits")
  return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

func repeated(_ byte: UInt8, _ count: Int) -> [UInt8] { [UInt8](repeating: byte, count: count) }

/// Returns `bytes` with one bit changed.
func flipped(_ bytes: [UInt8], _ bit: Int) -> [UInt8] {
  var bytes = bytes
  bytes[bit / 8] ^= 1 << (bit % 8)
  return bytes
}

// The module takes spans, which `#expect` cannot capture: the same calls for arrays.

func constantTimeEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
  constantTimeEqual(left.span, right.span)
}

extension SHA256 {
  static func hash(_ message: [UInt8]) -> Digest { hash(message.span) }
}

extension Digest {
  init(_ bytes: [UInt8]) { self.init(bytes.span) }
}

extension HMACSHA256 {
  init(key: [UInt8]) { self.init(key: key.span) }
  func mac(_ message: [UInt8]) -> Digest { mac(message.span) }
  func mac(_ first: [UInt8], _ second: [UInt8]) -> Digest { mac(first.span, second.span) }
}

extension HKDF {
  static func derive(
    secret: [UInt8], salt: [UInt8], info: [UInt8], byteCount: Int
  ) -> [UInt8] {
    derive(secret: secret.span, salt: salt.span, info: info.span, byteCount: byteCount)
  }
}

extension AESGCM {
  convenience init(key: [UInt8]) { self.init(key: key.span) }

  func seal(_ plaintext: [UInt8], nonce: [UInt8], data: [UInt8] = []) -> [UInt8] {
    var output: [UInt8] = []
    seal(
      plaintext: plaintext.span, nonce: nonce.span, associatedData: data.span, into: &output)
    return output
  }

  /// Returns the plaintext, or nil when refused; checks that the buffer keeps what it held.
  func open(_ sealed: [UInt8], nonce: [UInt8], data: [UInt8] = []) -> [UInt8]? {
    let held: [UInt8] = [1, 2, 3]
    var output = held
    let opened = open(
      ciphertextAndTag: sealed.span, nonce: nonce.span, associatedData: data.span, into: &output)
    precondition(output.starts(with: held) && (opened || output == held))
    return opened ? Array(output.dropFirst(held.count)) : nil
  }
}

extension AES256Block {
  convenience init(key: [UInt8]) { self.init(key: key.span) }
}

extension SigningKey {
  convenience init(seed: [UInt8]) throws(SecurityError) { try self.init(seed: seed.span) }
  func sign(_ message: [UInt8]) -> [UInt8] { sign(message.span) }
}

extension VerifyingKey {
  convenience init(raw: [UInt8]) throws(SecurityError) { try self.init(raw: raw.span) }
  func verify(signature: [UInt8], of message: [UInt8]) -> Bool {
    verify(signature: signature.span, of: message.span)
  }
}
