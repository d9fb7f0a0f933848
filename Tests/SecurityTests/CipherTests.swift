import Testing

@testable import Security

@Suite struct AESGCMTests {
  struct Vector: Sendable {
    let name: String
    let key: String
    let nonce: String
    let data: String
    let plaintext: String
    let sealed: String
  }

  static let exampleKey = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
  static let examplePlaintext = """
    d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72
    1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39
    """
  static let exampleCiphertext = """
    522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa
    8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662
    """
  static let zeroKey = String(repeating: "00", count: 32)
  static let zeroNonce = String(repeating: "00", count: 12)

  /// The AES-256 cases of the GCM submission to NIST.
  static let vectors = [
    Vector(
      name: "test case 13", key: zeroKey, nonce: zeroNonce, data: "", plaintext: "",
      sealed: "530f8afbc74536b9a963b4f1c4cb738b"),
    Vector(
      name: "test case 14", key: zeroKey, nonce: zeroNonce, data: "",
      plaintext: String(repeating: "00", count: 16),
      sealed: "cea7403d4d606b6e074ec5d3baf39d18 d0d1c8a799996bf0265b98b5d48ab919"),
    Vector(
      name: "test case 15", key: exampleKey, nonce: "cafebabefacedbaddecaf888", data: "",
      plaintext: examplePlaintext + "1aafd255",
      sealed: exampleCiphertext + "898015ad b094dac5d93471bdec1a502270e3cc6c"),
    Vector(
      name: "test case 16", key: exampleKey, nonce: "cafebabefacedbaddecaf888",
      data: "feedfacedeadbeeffeedfacedeadbeefabaddad2", plaintext: examplePlaintext,
      sealed: exampleCiphertext + "76fc6ece0f4e1768cddf8853bb2d551b"),
  ]

  @Test("seals and opens NIST's vectors, in any order with one key", arguments: vectors)
  func known(vector: Vector) {
    let cipher = AESGCM(key: hex(vector.key))
    let nonce = hex(vector.nonce)
    let data = hex(vector.data)
    let plaintext = hex(vector.plaintext)
    for _ in 0..<2 {
      #expect(cipher.seal(plaintext, nonce: nonce, data: data) == hex(vector.sealed))
      #expect(cipher.open(hex(vector.sealed), nonce: nonce, data: data) == plaintext)
    }
  }

  @Test("refuses a code in which any single bit of ciphertext, tag, nonce or header is changed")
  func everyBit() {
    let key = SecureRandom.bytes(32)
    let cipher = AESGCM(key: key)
    let header = SecureRandom.bytes(18)
    let nonce = Array(header[6...])
    let plaintext = SecureRandom.bytes(16)
    let sealed = cipher.seal(plaintext, nonce: nonce, data: header)
    #expect(sealed.count == 32)
    for bit in 0..<256 {
      #expect(cipher.open(flipped(sealed, bit), nonce: nonce, data: header) == nil)
    }
    for bit in 0..<96 {
      #expect(cipher.open(sealed, nonce: flipped(nonce, bit), data: header) == nil)
    }
    for bit in 0..<144 {
      #expect(cipher.open(sealed, nonce: nonce, data: flipped(header, bit)) == nil)
    }
    for bit in 0..<256 {
      #expect(AESGCM(key: flipped(key, bit)).open(sealed, nonce: nonce, data: header) == nil)
    }
    #expect(cipher.open(sealed, nonce: nonce, data: header) == plaintext)
  }

  @Test("refuses everything cut short")
  func truncated() {
    let cipher = AESGCM(key: repeated(1, 32))
    let nonce = repeated(2, 12)
    let sealed = cipher.seal(repeated(3, 40), nonce: nonce)
    for count in sealed.indices {
      #expect(cipher.open(Array(sealed[..<count]), nonce: nonce) == nil)
    }
  }

  @Test("agrees with itself at every length up to a few blocks")
  func lengths() {
    let cipher = AESGCM(key: repeated(9, 32))
    for count in 0..<70 {
      let plaintext = SecureRandom.bytes(count)
      let nonce = SecureRandom.bytes(12)
      let sealed = cipher.seal(plaintext, nonce: nonce, data: plaintext)
      #expect(cipher.open(sealed, nonce: nonce, data: plaintext) == plaintext)
    }
  }
}

@Suite struct AES256BlockTests {
  static let ciphertext = hex("8ea2b7ca516745bfeafc49904b496089")

  @Test("encrypts and decrypts FIPS 197's example C.3")
  func known() {
    let cipher = AES256Block(key: Array(0x00...0x1f))
    let plaintext = hex("00112233445566778899aabbccddeeff")
    for _ in 0..<2 {
      var output: [UInt8] = [5]
      cipher.encrypt(plaintext.span, into: &output)
      #expect(output == [5] + Self.ciphertext)
      output = []
      cipher.decrypt(Self.ciphertext.span, into: &output)
      #expect(output == plaintext)
    }
    var block = InlineArray<16, UInt8> { index in plaintext[index] }
    cipher.encrypt(&block)
    #expect(block.indices.map { block[$0] } == Self.ciphertext)
    cipher.decrypt(&block)
    #expect(block.indices.map { block[$0] } == plaintext)
  }
}

@Suite struct SecureRandomTests {
  @Test("appends as many bytes as asked for and keeps what was there")
  func counts() {
    var output: [UInt8] = [1]
    SecureRandom.append(0, to: &output)
    #expect(output == [1])
    SecureRandom.append(5000, to: &output)
    #expect(output.count == 5001 && output[0] == 1)
    #expect(Set(output).count == 256)
  }

  @Test("a pool gives out no bytes twice, across many refills")
  func pool() {
    var pool = RandomPool()
    var seen = Set<[UInt8]>()
    for _ in 0..<10_000 {
      var nonce: [UInt8] = []
      pool.append(12, to: &nonce)
      #expect(seen.insert(nonce).inserted)
    }
    var numbers = Set<UInt64>()
    for _ in 0..<10_000 { numbers.insert(pool.nextUInt64()) }
    #expect(numbers.count == 10_000)
  }
}

@Suite struct ConstantTimeTests {
  @Test("finds equal bytes equal, and any differing bit or length different")
  func compares() {
    let bytes = SecureRandom.bytes(32)
    #expect(constantTimeEqual(bytes, bytes))
    #expect(constantTimeEqual([UInt8](), [UInt8]()))
    #expect(!constantTimeEqual(bytes, Array(bytes.dropLast())))
    #expect(!constantTimeEqual(bytes, [UInt8]()))
    for bit in 0..<256 {
      #expect(!constantTimeEqual(bytes, flipped(bytes, bit)))
    }
  }

  @Test("wipes a buffer in place")
  func wipes() {
    var bytes = repeated(0xff, 100)
    wipe(&bytes)
    #expect(bytes == repeated(0, 100))
    var nothing: [UInt8] = []
    wipe(&nothing)
    #expect(nothing.isEmpty)
  }
}
