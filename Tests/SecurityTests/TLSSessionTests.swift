import Testing

@testable import Security

@Suite struct TLSSessionTests {
  private func established(piece: Int? = nil) throws -> TLSPair {
    let pair = try TLSPair(client: TLSPair.clientContext(), server: TLSPair.serverContext())
    pair.pieceByteCount = piece
    #expect(pair.handshake() == TLSPair.Outcome())
    return pair
  }

  @Test("two sessions shake hands in TLS 1.3 and exchange data both ways")
  func exchanges() throws {
    let pair = try established()
    #expect(pair.client.isEstablished && pair.server.isEstablished)
    #expect(pair.client.alpn == "h2" && pair.server.alpn == "h2")
    #expect(pair.server.protocolVersion == "TLSv1.3")
    #expect(pair.server.cipherSuite == "TLS_AES_128_GCM_SHA256")
    let preface = Array("PRI * HTTP/2.0".utf8)
    #expect(try pair.sendToServer(preface) == preface)
    for count in [1, 16_384, 16_385, 65_536, 200_000] {
      let bytes = SecureRandom.bytes(count)
      #expect(try pair.sendToClient(bytes) == bytes)
      #expect(try pair.sendToServer(bytes) == bytes)
    }
  }

  @Test(
    "a handshake with client certificate survives being cut anywhere",
    arguments: [1, 2, 3, 5, 7, 64, 1000])
  func cutHandshake(piece: Int) throws {
    let pair = try TLSPair(
      client: TLSPair.clientContext("client"), server: TLSPair.serverContext())
    pair.pieceByteCount = piece
    #expect(pair.handshake() == TLSPair.Outcome())
    #expect(pair.server.peerPrincipal == TestAuthority.principal)
    #expect(try pair.sendToServer([1, 2, 3]) == [1, 2, 3])
  }

  @Test("a record cut at every byte boundary is read whole, and only when complete")
  func cutRecord() throws {
    let pair = try established()
    let message = SecureRandom.bytes(100)
    for cut in 1..<122 {
      try pair.client.write(message.span)
      let record = pair.clientOutput()
      #expect(record.count == 122)
      var received: [UInt8] = []
      pair.server.receive(Array(record[..<cut]).span)
      #expect(try pair.server.read(into: &received, max: 1000) == .needsInput)
      pair.server.receive(Array(record[cut...]).span)
      #expect(try pair.server.read(into: &received, max: 1000) == .bytes(100))
      #expect(received == message)
    }
  }

  @Test("reads no more than asked for, and the rest with the next call")
  func readsInSlices() throws {
    let pair = try established()
    let message = SecureRandom.bytes(40_000)
    try pair.client.write(message.span)
    pair.server.receive(pair.clientOutput().span)
    var received: [UInt8] = []
    #expect(try pair.server.read(into: &received, max: 10) == .bytes(10))
    #expect(try pair.server.read(into: &received, max: 20_000) == .bytes(20_000))
    #expect(try pair.server.read(into: &received, max: 100_000) == .bytes(19_990))
    #expect(try pair.server.read(into: &received, max: 100_000) == .needsInput)
    #expect(received == message)
  }

  @Test("one write of 64 KiB, or several writes, are taken as one piece of output")
  func onePiece() throws {
    let pair = try established()
    let large = SecureRandom.bytes(65_536)
    try pair.server.write(large.span)
    let output = pair.serverOutput()
    // Four records of 16 KiB, each with 5 bytes of header and 17 of tag and type.
    #expect(output.count == 65_536 + 4 * 22)
    #expect(!pair.serverWantsOutput)
    pair.client.receive(output.span)
    for byte in 0..<3 { try pair.server.write([UInt8(byte)].span) }
    #expect(pair.serverWantsOutput)
    pair.client.receive(pair.serverOutput().span)
    var received: [UInt8] = []
    while case .bytes = try pair.client.read(into: &received, max: 1 << 20) {}
    #expect(received == large + [0, 1, 2])
  }

  @Test("an empty write sends nothing")
  func emptyWrite() throws {
    let pair = try established()
    try pair.client.write([UInt8]().span)
    #expect(!pair.clientWantsOutput)
  }

  @Test("a record with any changed byte ends the session for good")
  func tampered() throws {
    for index in [0, 3, 5, 20, 60, 121] {
      let pair = try established()
      try pair.client.write(SecureRandom.bytes(100).span)
      var record = pair.clientOutput()
      record[index] ^= 0x40
      var received: [UInt8] = []
      let error = failure { () throws(SecurityError) in
        pair.server.receive(record.span)
        // A changed length may leave the session waiting for more; then it gets more.
        if try pair.server.read(into: &received, max: 1000) == .needsInput {
          pair.server.receive(SecureRandom.bytes(20_000).span)
          _ = try pair.server.read(into: &received, max: 1000)
        }
      }
      #expect(error?.code == .protocolViolation, "byte \(index)")
      #expect(received.isEmpty)
      let later = failure { () throws(SecurityError) in
        try pair.server.write(received.span)
      }
      #expect(later?.code == .closed)
      #expect(pair.serverWantsOutput, "an alert tells the peer")
    }
  }

  @Test("close_notify reaches the peer after the data, and nothing can be written after it")
  func closes() throws {
    let pair = try established()
    try pair.server.write([1, 2].span)
    pair.server.shutDown()
    pair.server.shutDown()
    pair.client.receive(pair.serverOutput().span)
    var received: [UInt8] = []
    #expect(try pair.client.read(into: &received, max: 10) == .bytes(2))
    #expect(try pair.client.read(into: &received, max: 10) == .closed)
    #expect(try pair.client.read(into: &received, max: 10) == .closed)
    let error = failure { () throws(SecurityError) in try pair.server.write([1].span) }
    #expect(error?.code == .closed)
    pair.client.shutDown()
    pair.server.receive(pair.clientOutput().span)
    #expect(try pair.server.read(into: &received, max: 10) == .closed)
  }

  @Test("idle memory can be given back at any time without losing data")
  func releasesMemory() throws {
    let pair = try established()
    let message = SecureRandom.bytes(100_000)
    for _ in 0..<3 {
      pair.client.releaseIdleMemory()
      pair.server.releaseIdleMemory()
      try pair.client.write(message.span)
      pair.client.releaseIdleMemory()
      pair.server.receive(pair.clientOutput().span)
      pair.server.releaseIdleMemory()
      var received: [UInt8] = []
      #expect(try pair.server.read(into: &received, max: 50_000) == .bytes(50_000))
      pair.server.releaseIdleMemory()
      #expect(try pair.server.read(into: &received, max: 100_000) == .bytes(50_000))
      #expect(received == message)
      #expect(try pair.sendToClient(message) == message)
    }
  }

  @Test(
    "bytes that are not TLS are a protocol violation, with an alert to send",
    arguments: ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
  func plainText(text: String) throws {
    var session = TLSSession(server: try TLSPair.serverContext())
    session.receive(Array(text.utf8).span)
    var code: SecurityError.Code?
    do throws(SecurityError) { _ = try session.advanceHandshake() } catch { code = error.code }
    #expect(code == .protocolViolation)
    do throws(SecurityError) { _ = try session.advanceHandshake() } catch { code = error.code }
    #expect(code == .closed)
  }

  @Test("a first flight with any one byte changed never crashes and never gives a session")
  func mutatedHello() throws {
    let client = try TLSPair.clientContext()
    let server = try TLSPair.serverContext()
    var index = 0
    var count = 1
    while index < count {
      let pair = try TLSPair(client: client, server: server)
      _ = try pair.client.advanceHandshake()
      var hello = pair.clientOutput()
      count = hello.count
      hello[index] ^= 0x15
      pair.server.receive(hello.span)
      _ = pair.handshake()
      // The low byte of the record's version "MUST be ignored" (RFC 8446 §5.1).
      #expect(pair.serverIsEstablished == (index == 2), "byte \(index)")
      index += 1
    }
    #expect(count > 200)
  }
}
