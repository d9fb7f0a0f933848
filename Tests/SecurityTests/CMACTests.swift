import Testing

@testable import Security

@Suite struct AES256CMACTests {
  static let key = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"
  static let text = """
    6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51
    30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710
    """

  private func words(_ tag: String) -> CMACTag {
    CMACTag(
      high: UInt64(tag.prefix(16), radix: 16)!, low: UInt64(tag.dropFirst(16), radix: 16)!)
  }

  /// The AES-256 examples of NIST SP 800-38B.
  @Test(
    "gives the MACs of NIST's examples",
    arguments: [
      (0, "028962f61b7bf89efc6b551f4667d983"), (16, "28a7023f452e8f82bd4bf28d8c37c35c"),
      (40, "aaf3d8f1de5640c232f5b169b9c911e6"), (64, "e1992190549f6ed5696a2c056c315410"),
    ])
  func known(length: Int, tag: String) {
    let mac = AES256CMAC(key: hex(Self.key).span)
    let copy = AES256CMAC(copying: mac)
    let message = Array(hex(Self.text)[..<length])
    for _ in 0..<2 {
      #expect(mac.tag(of: message.span) == words(tag))
      #expect(copy.tag(of: message.span) == words(tag))
    }
  }

  @Test("many short messages have the MACs they have alone", arguments: [1, 63, 64, 65, 200])
  func batches(count: Int) {
    let mac = AES256CMAC(key: SecureRandom.bytes(32).span)
    let texts = (0..<count).map { SecureRandom.bytes($0 % 24) }
    let messages = texts.map { text in
      var words: [UInt64] = [0, 0, 0]
      for (index, byte) in text.enumerated() {
        words[index / 8] |= UInt64(byte) << UInt64(8 * (index % 8))
      }
      return CMACMessage(words[0], words[1], words[2], byteCount: text.count)
    }
    var tags = [CMACTag](repeating: CMACTag(), count: count + 1)
    var places = tags.mutableSpan
    mac.tags(of: messages.span, into: &places)
    let alone = texts.map { mac.tag(of: $0.span) }
    #expect(Array(tags.dropLast()) == alone)
    #expect(tags.last == CMACTag())
  }
}
