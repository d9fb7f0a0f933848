import Codes
import IssuerCore
import Security
import Support
import Testing

@Suite struct HandleCipherTests {
  private let cipher = HandleCipher(key: [UInt8](repeating: 0x5A, count: 32))

  @Test("a handle opens to the serial and channel it was made of, in either case")
  func roundTrip() throws {
    for serial: UInt64 in [1, 2, 255, 34_000_000, Serial.max.value] {
      for channel: UInt16 in [0, 1, 256, .max] {
        let handle = cipher.handle(of: Serial(unchecked: serial), in: channel)
        #expect(handle.utf8.count == 26)
        for text in [handle, handle.lowercased()] {
          let opened = try #require(cipher.open(text))
          #expect(opened.serial.value == serial && opened.channel == channel)
        }
      }
    }
  }

  @Test("the same holder has another handle in every channel, and every holder their own")
  func distinct() {
    var handles: Set<String> = []
    for serial: UInt64 in 1...200 {
      for channel: UInt16 in 0..<20 {
        handles.insert(cipher.handle(of: Serial(unchecked: serial), in: channel))
      }
    }
    #expect(handles.count == 4_000)
  }

  @Test("handles of one holder in two channels have nothing in common to see")
  func unlinkable() {
    var equal = 0
    for serial: UInt64 in 1...500 {
      let one = cipher.handle(of: Serial(unchecked: serial), in: 1)
      let two = cipher.handle(of: Serial(unchecked: serial), in: 2)
      equal += zip(one, two).count { $0 == $1 }
    }
    // One character of 32 agrees by chance: 13,000 / 32, give or take.
    #expect(300...520 ~= equal)
  }

  @Test("no handle with a single character changed opens")
  func altered() {
    let handle = Array(cipher.handle(of: Serial(unchecked: 34_000_000), in: 1).utf8)
    for place in handle.indices {
      for character in "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8 where character != handle[place] {
        var altered = handle
        altered[place] = character
        #expect(cipher.open(String(decoding: altered, as: UTF8.self)) == nil)
      }
    }
  }

  @Test("made-up handles and other keys' handles do not open")
  func forged() {
    var random = SplitMix(of: "handles")
    let other = HandleCipher(key: [UInt8](repeating: 0x5B, count: 32))
    for _ in 0..<2_000 {
      let bytes = random.bytes(16)
      #expect(cipher.open(Base32.text(of: bytes.span)) == nil)
      let serial = Serial(unchecked: 1 + random.next() % 34_000_000)
      #expect(cipher.open(other.handle(of: serial, in: 1)) == nil)
    }
  }

  @Test(
    "text that is no handle does not open",
    arguments: [
      "", "A", "AAAAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAA",
      "AAAAAAAAAAAAAAAAAAAAAAAAA1", "码码码码码码码码A", "AAAAAAAAAAAAAAAAAAAAAAAAAA",
    ])
  func noHandle(text: String) { #expect(cipher.open(text) == nil) }

  @Test("each of the nine zeros is looked at")
  func zeros() {
    let key = [UInt8](repeating: 0x5A, count: 32)
    let block = AES256Block(key: key.span)
    for place in 7..<16 {
      var plain: [UInt8] = [0, 0, 0, 0, 1, 0, 1] + [UInt8](repeating: 0, count: 9)
      plain[place] = 1
      var sealed: [UInt8] = []
      block.encrypt(plain.span, into: &sealed)
      #expect(cipher.open(Base32.text(of: sealed.span)) == nil, "byte \(place)")
    }
  }

  @Test("a block of serial 0 does not open, though it is sealed under the key")
  func nobody() {
    let handle = cipher.handle(of: Serial(unchecked: 0), in: 1)
    #expect(cipher.open(handle) == nil)
  }
}
