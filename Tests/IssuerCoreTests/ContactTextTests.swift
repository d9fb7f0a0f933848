import Codes
import IssuerCore
import Testing

@Suite struct ContactTextTests {
  private func phone(_ text: String) -> String? {
    var output: [UInt8] = [0x40]
    let raw = Array(text.utf8)
    let isPhone = ContactText.appendPhone(raw.span, to: &output)
    #expect(isPhone || output == [0x40], "a refused number leaves something: \(text)")
    return isPhone ? String(decoding: output.dropFirst(), as: UTF8.self) : nil
  }

  private func name(_ text: String) -> String? {
    var output: [UInt8] = []
    let raw = Array(text.utf8)
    return ContactText.appendName(raw.span, to: &output)
      ? String(decoding: output, as: UTF8.self) : nil
  }

  @Test(
    "the ways to write a mobile number are one number",
    arguments: [
      "13812345678", "+8613812345678", "+86 138 1234 5678", "138-1234-5678", "8613812345678",
      "008613812345678", " 138\t12345678 ", "１３８１２３４５６７８", "＋86　13812345678", "86-138-1234-5678",
    ])
  func phones(text: String) {
    #expect(phone(text) == "13812345678")
  }

  @Test(
    "what is no mobile number is none",
    arguments: [
      "", " ", "1381234567", "138123456789", "23812345678", "+85213812345678", "1381234567x",
      "+13812345678", "13812345678+", "++8613812345678", "021-12345678", "张三",
      "310101199003071234", "+00861381234567", "0086", "861381234567",
    ])
  func noPhones(text: String) {
    #expect(phone(text) == nil)
  }

  @Test("names are compared without blanks, width and case")
  func names() {
    #expect(name("王 伟") == "王伟")
    #expect(name("　王　伟 ") == "王伟")
    #expect(name("Emma  Smith") == "EMMASMITH")
    #expect(name("ＥＭＭＡ smith") == "EMMASMITH")
    #expect(name(" \t　") == nil)
    // Bytes that are no character pass as they are.
    var output: [UInt8] = []
    let cut: [UInt8] = [0xE7, 0x8E, 0xE3, 0x80]
    #expect(ContactText.appendName(cut.span, to: &output))
    #expect(output == cut)
  }

  @Test("a key is the phone's and the name's, and no document's")
  func keys() throws {
    let region = try #require(Region(310_000))
    let secret = RegionSecret(
      region: region, secret: Array(repeating: 1, count: 32), pepper: Array(repeating: 2, count: 32)
    )
    func key(_ phone: String, _ name: String) -> Bytes16? {
      let (phone, name) = (Array(phone.utf8), Array(name.utf8))
      return secret.contactKey(phone: phone.span, name: name.span)
    }
    let first = try #require(key("13812345678", "王伟"))
    #expect(key("+86 138 1234 5678", "王 伟") == first)
    #expect(key("13812345679", "王伟") != first)
    #expect(key("13812345678", "王芳") != first)
    #expect(key("", "王伟") == nil)
    #expect(key("13812345678", " ") == nil)
    #expect(first != secret.key(of: .residentID, canonical: Array("13812345678王伟".utf8).span))
  }
}
