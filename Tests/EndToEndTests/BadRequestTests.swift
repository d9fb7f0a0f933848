import HTTP2
import JSON
import Testing
import World

extension EndToEnd {
  @Suite struct BadRequestTests {
    /// A request that cannot be served, and what its answer must say.
    private struct Bad {
      let service: String
      let method: HTTP2.Method
      let path: String
      var type: String?
      var body = ""
      let status: Int
      let problem: String
      /// Part of the text for people.
      var detail = ""
    }

    @Test("every bad request is answered with its status, its problem and a sentence that helps")
    func table() async throws {
      try await withWorld { world in
        let (handle, code) = try await world.resident()
        let roles = ["issuer": Role.channel, "verifier": .point]
        for bad in requests(handle: handle, code: code) {
          var role = roles[bad.service]
          if bad.path.hasSuffix("/status"), bad.method == .put { role = .authority }
          let answer = try await world.home.client(bad.service, as: role).send(
            bad.method, bad.path, type: bad.type, body: Array(bad.body.utf8))
          let place: Comment = "\(bad.method) \(bad.service) \(bad.path) \(bad.body.prefix(60))"
          #expect(answer.status == bad.status, place)
          #expect(answer.contentType == "application/problem+json", place)
          #expect(answer.json["type"]?.string == "urn:citycode:problem:\(bad.problem)", place)
          #expect(answer.json["status"]?.integer == Int64(bad.status), place)
          #expect(answer.json["title"]?.string?.isEmpty == false, place)
          let detail = answer.json["detail"]?.string ?? ""
          #expect(detail.contains(bad.detail) && !detail.isEmpty, place)
        }
        // The services are as well as before.
        try await world.home.point().scan(code).expected("accepted", "the scan afterwards")
        _ = try await world.home.channel().code(of: handle)
      }
    }

    private func requests(handle: String, code: String) -> [Bad] {
      paths + issuerBodies(handle) + verifierBodies(code)
    }

    private var paths: [Bad] {
      ["issuer", "verifier", "relay"].flatMap { service in
        [
          Bad(
            service: service, method: .get, path: "/", status: 404, problem: "unknown_path",
            detail: "README"),
          Bad(
            service: service, method: .post, path: "/v2/scans", type: "text/plain", body: "x",
            status: 404, problem: "unknown_path"),
        ]
      } + [
        Bad(
          service: "issuer", method: .get, path: "/v1/codes", status: 405,
          problem: "method_not_allowed", detail: "POST"),
        Bad(
          service: "issuer", method: .delete, path: "/v1/holders/x/status", status: 405,
          problem: "method_not_allowed", detail: "GET, PUT"),
        Bad(
          service: "verifier", method: .put, path: "/v1/scans", status: 405,
          problem: "method_not_allowed", detail: "POST"),
        // A body where none is taken changes nothing about that.
        Bad(
          service: "issuer", method: .post, path: "/v1/feed/head", type: "text/plain", body: "x",
          status: 405, problem: "method_not_allowed", detail: "GET"),
        Bad(
          service: "relay", method: .get, path: "/v1/foreign-scans", status: 405,
          problem: "method_not_allowed", detail: "POST"),
      ]
    }

    private func issuerBodies(_ handle: String) -> [Bad] {
      func holders(_ body: String, _ status: Int, _ problem: String, _ detail: String = "") -> Bad {
        Bad(
          service: "issuer", method: .post, path: "/v1/holders", type: "application/json",
          body: body, status: status, problem: problem, detail: detail)
      }
      func codes(_ members: String, _ status: Int, _ problem: String) -> Bad {
        Bad(
          service: "issuer", method: .post, path: "/v1/codes", type: "application/json",
          body: #"{"handle":"\#(handle)"\#(members)}"#, status: status, problem: problem)
      }
      let document = #""document":{"type":"resident_id","number":"110105194912310021"}"#
      return [
        holders(#"{"document":"#, 400, "malformed_json", "at byte"),
        holders("[]", 400, "malformed_json", "object"),
        holders(#"{"kind":"resident","kind":"resident"}"#, 400, "malformed_json", "twice"),
        holders(#"{"kind":"resident","colour":"red"}"#, 400, "unknown_member", "colour"),
        holders(#"{"kind":"resident"}"#, 400, "bad_document", "type"),
        // The last digit is wrong.
        holders("{\(document),\"kind\":\"resident\"}", 400, "bad_document", "bad_check_digit"),
        holders(String(repeating: " ", count: 9_000), 413, "body_too_large", "bytes"),
        Bad(
          service: "issuer", method: .post, path: "/v1/holders", type: "text/xml", body: "<x/>",
          status: 415, problem: "unsupported_media_type", detail: "application/json"),
        codes(#","lifetime_seconds":7"#, 400, "bad_lifetime"),
        codes(#","valid_from":"yesterday""#, 400, "bad_valid_from"),
        codes(#","scene_hint":999"#, 400, "bad_scene_hint"),
        Bad(
          service: "issuer", method: .post, path: "/v1/codes?as=gif", type: "application/json",
          body: #"{"handle":"\#(handle)"}"#, status: 400, problem: "bad_form", detail: "png"),
        Bad(
          service: "issuer", method: .post, path: "/v1/codes", type: "application/json",
          body: #"{"handle":"AAAAAAAAAAAAAAAAAAAAAAAAAA"}"#, status: 404,
          problem: "unknown_holder"),
        Bad(
          service: "issuer", method: .put, path: "/v1/holders/\(handle)/status",
          type: "application/json", body: #"{"colour":"blue","reason":1,"actor":"a","ticket":"t"}"#,
          status: 400, problem: "bad_colour", detail: "green, yellow or red"),
        Bad(
          service: "issuer", method: .put, path: "/v1/holders/\(handle)/status",
          type: "application/json", body: #"{"colour":"red","reason":1}"#, status: 400,
          problem: "order_incomplete", detail: "actor"),
      ]
    }

    private func verifierBodies(_ code: String) -> [Bad] {
      [
        Bad(
          service: "verifier", method: .post, path: "/v1/scans", type: "application/json",
          body: #"{"code": 7"#, status: 400, problem: "malformed_json", detail: "at byte"),
        Bad(
          service: "verifier", method: .post, path: "/v1/scans", type: "image/png", body: "x",
          status: 415, problem: "unsupported_media_type", detail: "text/plain"),
        Bad(
          service: "verifier", method: .post, path: "/v1/scans", type: "text/plain",
          body: String(repeating: "A", count: 70_000), status: 413, problem: "body_too_large"),
        Bad(
          service: "verifier", method: .post, path: "/v1/scans", type: "application/json",
          body: #"{"code":"\#(code)","scene":"moon_base"}"#, status: 403, problem: "forbidden"),
      ]
    }
  }
}
