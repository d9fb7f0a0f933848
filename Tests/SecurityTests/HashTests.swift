import Testing

@testable import Security

@Suite struct SHA256Tests {
  @Test(
    "gives the digests of FIPS 180-4's examples",
    arguments: [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
    ])
  func examples(message: String, digest: String) {
    #expect(SHA256.hash(Array(message.utf8)).hex == digest)
  }

  @Test("gives the digest of a million letters a, fed in uneven pieces")
  func million() {
    var hasher = SHA256Hasher()
    var left = 1_000_000
    var size = 1
    while left > 0 {
      let count = min(size, left)
      hasher.update(repeated(0x61, count).span)
      left -= count
      size = size * 2 + 1
    }
    #expect(
      hasher.finalize().hex == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  @Test("a copied hasher goes on alone")
  func copies() {
    var first = SHA256Hasher()
    first.update(Array("a".utf8).span)
    var second = first
    first.update(Array("bc".utf8).span)
    second.update(Array("x".utf8).span)
    #expect(first.finalize() == SHA256.hash(Array("abc".utf8)))
    #expect(second.finalize() == SHA256.hash(Array("ax".utf8)))
  }
}

@Suite struct DigestTests {
  @Test("keeps its bytes through every form")
  func forms() {
    let bytes = [UInt8](0..<32)
    let digest = Digest(bytes)
    #expect(digest.bytes == bytes)
    #expect(digest.hex == "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
    #expect(Digest(hex: digest.hex) == digest)
    #expect(Digest(hex: digest.hex.uppercased()) == digest)
    var output: [UInt8] = [9]
    digest.append(to: &output)
    #expect(output == [9] + bytes)
    #expect(digest.withSpan { span in span[31] } == 31)
  }

  @Test("refuses hexadecimal text of the wrong length or letters", arguments: ["", "00", "g0"])
  func wrongText(start: String) {
    #expect(Digest(hex: start) == nil)
    #expect(Digest(hex: "g" + String(repeating: "0", count: 63)) == nil)
  }

  @Test("differs when any one bit differs")
  func everyBit() {
    let digest = Digest(repeated(0, 32))
    for bit in 0..<256 {
      var bytes = repeated(0, 32)
      bytes[bit / 8] ^= 1 << (bit % 8)
      #expect(Digest(bytes) != digest)
    }
  }
}

@Suite struct HMACSHA256Tests {
  struct Vector: Sendable {
    let name: String
    let key: [UInt8]
    let message: [UInt8]
    let mac: String
  }

  static let vectors = [
    Vector(
      name: "RFC 4231 §4.2", key: repeated(0x0b, 20), message: Array("Hi There".utf8),
      mac: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    Vector(
      name: "RFC 4231 §4.3", key: Array("Jefe".utf8),
      message: Array("what do ya want for nothing?".utf8),
      mac: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    Vector(
      name: "RFC 4231 §4.4", key: repeated(0xaa, 20), message: repeated(0xdd, 50),
      mac: "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    Vector(
      name: "RFC 4231 §4.5", key: Array(1...25), message: repeated(0xcd, 50),
      mac: "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
    Vector(
      name: "RFC 4231 §4.6, truncated", key: repeated(0x0c, 20),
      message: Array("Test With Truncation".utf8), mac: "a3b6167473100ee06e0c796c2955552b"),
    Vector(
      name: "RFC 4231 §4.7", key: repeated(0xaa, 131),
      message: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
      mac: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
    Vector(
      name: "RFC 4231 §4.8", key: repeated(0xaa, 131),
      message: Array(
        ("This is a test using a larger than block-size key and a larger than block-size data. "
          + "The key needs to be hashed before being used by the HMAC algorithm.").utf8),
      mac: "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
  ]

  @Test("gives the MACs of RFC 4231, again and again", arguments: vectors)
  func known(vector: Vector) {
    let mac = HMACSHA256(key: vector.key)
    for _ in 0..<3 {
      #expect(mac.mac(vector.message).hex.hasPrefix(vector.mac), "\(vector.name)")
    }
  }

  @Test("a message in two parts has the MAC of the whole", arguments: [0, 1, 25, 50])
  func parts(cut: Int) {
    let mac = HMACSHA256(key: repeated(0xaa, 20))
    let message = repeated(0xdd, 50)
    #expect(
      mac.mac(Array(message[..<cut]), Array(message[cut...])) == mac.mac(message))
  }

  @Test("a key of exactly one block is used as it is")
  func blockKey() {
    let whole = HMACSHA256(key: repeated(7, 64)).mac([UInt8]())
    let longer = HMACSHA256(key: repeated(7, 65)).mac([UInt8]())
    #expect(whole != longer)
    #expect(
      HMACSHA256(key: (repeated(7, 63) + [0])).mac([1])
        == HMACSHA256(key: repeated(7, 63)).mac([1]))
  }
}

@Suite struct HKDFTests {
  struct Vector: Sendable {
    let name: String
    let secret: [UInt8]
    let salt: [UInt8]
    let info: [UInt8]
    let output: String
  }

  static let vectors = [
    Vector(
      name: "RFC 5869 A.1", secret: repeated(0x0b, 22), salt: Array(0x00...0x0c),
      info: Array(0xf0...0xf9),
      output: """
        3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865
        """),
    Vector(
      name: "RFC 5869 A.2", secret: Array(0x00...0x4f), salt: Array(0x60...0xaf),
      info: Array(0xb0...0xff),
      output: """
        b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c6
        5e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87
        """),
    Vector(
      name: "RFC 5869 A.3", secret: repeated(0x0b, 22), salt: [], info: [],
      output: """
        8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8
        """),
  ]

  @Test("derives the keys of RFC 5869", arguments: vectors)
  func known(vector: Vector) {
    let expected = hex(vector.output)
    let output = HKDF.derive(
      secret: vector.secret, salt: vector.salt, info: vector.info,
      byteCount: expected.count)
    #expect(output == expected, "\(vector.name)")
  }

  @Test("a shorter key is the start of a longer one, up to the RFC's bound")
  func prefixes() {
    let secret = repeated(1, 32)
    func derive(_ count: Int) -> [UInt8] {
      HKDF.derive(secret: secret, salt: [], info: [1], byteCount: count)
    }
    let longest = derive(HKDF.byteCountMax)
    #expect(longest.count == 8160)
    for count in [1, 31, 32, 33, 64, 80] { #expect(derive(count) == Array(longest[..<count])) }
  }
}
