import Codes
import HTTP2
import JSON
import Server
import VerifierCore

/// Asking another region about its code: verifier → own relay → partner's relay → partner's
/// verifier, and back. The trace of the request that wants to know goes along.
extension VerifierLoop {
  /// Calls `completion` once, on this loop, within `foreign_timeout_milliseconds`: with what the
  /// partner's verifier found, or with `region_unreachable`.
  func askPartner(
    _ code: [UInt8], _ region: Region, _ context: ScanContext, trace: [HeaderField],
    completion: @escaping (Finding) -> Void
  ) {
    let unreachable = Finding(
      .refused(.regionUnreachable), region: region, asOf: WallClock.now())
    guard let relay else { return completion(unreachable) }
    let rules = rules(at: level)
    var json = JSONWriter()
    json.object {
      $0.field("code", CodeText.encode(code.span))
      $0.field("scene", context.scene.name)
      $0.field("point", String(decoding: context.point, as: UTF8.self))
    }
    relay.send(
      .post, "/v1/foreign-scans",
      headers: [HeaderField("content-type", "application/json")] + trace, body: json.bytes,
      timeoutMilliseconds: parts.foreignTimeoutMilliseconds
    ) { result in
      guard case .success(let response) = result, response.status == 200,
        let json = try? JSONParser.parse(response.body),
        let finding = ForeignAnswer.finding(json, region: region)
      else { return completion(unreachable) }
      completion(
        rules.adopt(
          finding, code: code.span, scene: context.scene, now: WallClock.now()))
    }
  }
}
