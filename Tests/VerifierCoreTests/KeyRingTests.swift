import Codes
import Feed
import IssuerCore
import Testing
import VerifierCore

@Suite struct KeyRingTests {
  private func file(_ epochs: ClosedRange<UInt32>) -> EpochKeyFile {
    EpochKeyFile(
      region: Scan.home,
      keys: epochs.map { number in
        EpochKeyFile.Key(
          epoch: KeyEpoch(number: number), bytes: [UInt8](repeating: UInt8(number), count: 32))
      })
  }

  @Test("holds nothing before the first file and after an empty one")
  func empty() {
    let keys = KeyRing()
    #expect(keys.isEmpty)
    #expect(keys.oldest == nil)
    keys.replace(with: file(7...9))
    #expect(!keys.isEmpty)
    keys.replace(with: EpochKeyFile(region: Scan.home, keys: []))
    #expect(keys.isEmpty)
  }

  @Test("a new file's keys stand in place of the old ones")
  func replaced() {
    let keys = KeyRing()
    keys.replace(with: file(7...9))
    #expect(keys.oldest == KeyEpoch(number: 7))
    keys.replace(with: file(8...12))
    #expect(keys.oldest == KeyEpoch(number: 8))
  }

  @Test("what the issuer writes is what the verifier opens codes with, through the file's text")
  func throughTheFile() throws {
    let stage = Stage()
    let written = stage.secret.epochKeys(near: Scan.noon, hoursAhead: 24)
    let read = try #require(EpochKeyFile(written.bytes))
    #expect(read == written)
    let keys = KeyRing()
    keys.replace(with: read)
    let code = stage.code(of: Scan())
    var scratch: [UInt8] = []
    let decision = stage.rules.decide(
      code: code.span, scene: Scan.gate(), now: Scan().now, asOf: Scan().asOf, keys: keys,
      scratch: &scratch
    ) { _ in Scan().status }
    guard case .home(let verdict) = decision else {
      Issue.record("a home code was sent away")
      return
    }
    #expect(verdict.outcome == .accepted)
  }
}
