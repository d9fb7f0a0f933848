import Crypto
import Foundation
import Hummingbird
import HummingbirdHTTP2
import Logging
import NIOPosix

/// scanpeer PORT TLS-PORT PEOPLE EPOCH-KEYS.json ANSWER-FILE CERTIFICATE KEY
@main
struct ScanPeer {
  static func main() async throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 8, let port = Int(arguments[1]), let tlsPort = Int(arguments[2]),
      let people = Int(arguments[3])
    else {
      print("usage: scanpeer PORT TLS-PORT PEOPLE EPOCH-KEYS ANSWER-FILE CERTIFICATE KEY")
      exit(2)
    }
    let service = ScanService(keys: try keys(arguments[4]), people: people)
    let answer = try Data(contentsOf: URL(filePath: arguments[5]))
    let router = router(service, answer: ByteBuffer(bytes: answer))
    let tls = TLSConfiguration.makeServerConfiguration(
      certificateChain: try NIOSSLCertificate.fromPEMFile(arguments[6]).map { .certificate($0) },
      privateKey: .privateKey(try NIOSSLPrivateKey(file: arguments[7], format: .pem)))
    let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    var logger = Logger(label: "scanpeer")
    logger.logLevel = .error
    let plain = Application(
      router: router, server: .plaintextHTTP2(),
      configuration: .init(address: .hostname("127.0.0.1", port: port)),
      eventLoopGroupProvider: .shared(loops), logger: logger)
    let secure = Application(
      router: router, server: try .http2Upgrade(tlsConfiguration: tls),
      configuration: .init(address: .hostname("127.0.0.1", port: tlsPort)),
      eventLoopGroupProvider: .shared(loops), logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await plain.runService() }
      group.addTask { try await secure.runService() }
      try await group.waitForAll()
    }
  }

  private static func router(
    _ service: ScanService, answer: ByteBuffer
  ) -> Router<BasicRequestContext> {
    let router = Router()
    router.post("/v1/scans") { request, _ -> Response in
      let body = try await request.body.collect(upTo: 512)
      let answer = service.scan(String(buffer: body))
      let json = try JSONEncoder().encode(answer)
      return Response(
        status: .ok, headers: [.contentType: "application/json"],
        body: .init(byteBuffer: ByteBuffer(bytes: json)))
    }
    router.post("/answer") { request, _ -> Response in
      _ = try await request.body.collect(upTo: 512)
      return Response(
        status: .ok, headers: [.contentType: "application/json"],
        body: .init(byteBuffer: answer))
    }
    return router
  }

  /// From a JSON object of epochs and their keys in hexadecimal digits.
  private static func keys(_ path: String) throws -> [UInt16: SymmetricKey] {
    let data = try Data(contentsOf: URL(filePath: path))
    var keys: [UInt16: SymmetricKey] = [:]
    for (epoch, text) in try JSONDecoder().decode([String: String].self, from: data) {
      guard let number = UInt32(epoch), text.count == 64 else { continue }
      let digits = Array(text)
      let bytes = stride(from: 0, to: 64, by: 2).compactMap {
        UInt8(String(digits[$0...$0 + 1]), radix: 16)
      }
      keys[UInt16(truncatingIfNeeded: number)] = SymmetricKey(data: bytes)
    }
    return keys
  }
}
