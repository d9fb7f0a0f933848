import HTTP2
import JSON
import Testing
import World

extension EndToEnd {
  @Suite struct AccessTests {
    /// One endpoint, a request that would succeed, and a role that may not send it.
    private struct Endpoint {
      let service: String
      let method: HTTP2.Method
      let path: String
      var type: String?
      var body = ""
      let stranger: Role
    }

    @Test("without the grant an endpoint answers 403, and nothing happens")
    func grants() async throws {
      try await withWorld { world in
        let (handle, code) = try await world.resident()
        let newcomer = try await world.sample(of: world.home, count: 5_000)
          .last { $0.kind == "resident" }!
        let scan = try await world.home.point().scan(code)
        let before = try await world.home.channel().status(of: handle)
        let endpoints = endpoints(
          handle: handle, code: code, newcomer: newcomer, receipt: scan.string("receipt"))
        for endpoint in endpoints {
          for (who, token) in callers(of: endpoint, world.home) {
            let client = try world.home.newClient(endpoint.service, token: token)
            let answer = try await client.send(
              endpoint.method, endpoint.path, type: endpoint.type, body: Array(endpoint.body.utf8))
            client.close()
            let place: Comment = "\(who) at \(endpoint.service) \(endpoint.path)"
            #expect(answer.status == 403, place)
            #expect(answer.contentType == "application/problem+json", place)
            #expect(answer.problem == "forbidden", place)
          }
        }
        // Nothing happened: the status is as it was, and the newcomer is new.
        #expect(try await world.home.channel().status(of: handle) == before)
        try await world.home.point().scan(code).expected("accepted", "the scan afterwards")
        let registration = try await world.home.channel().registration(newcomer)
        #expect(registration.status == 201)
        #expect(registration.json["new"]?.bool == true)
      }
    }

    private func callers(of endpoint: Endpoint, _ site: Site) -> [(String, String?)] {
      var callers: [(String, String?)] = [
        ("nobody known", nil), ("a wrong token", String(repeating: "0", count: 48)),
        ("a caller without grants", site.credentials.token(.nobody)),
      ]
      if endpoint.service != "relay" {
        callers.append(("\(endpoint.stranger)", site.credentials.token(endpoint.stranger)))
      }
      return callers
    }

    private func endpoints(
      handle: String, code: String, newcomer: Person, receipt: String
    ) -> [Endpoint] {
      let json = "application/json"
      let holder = "/v1/holders/\(handle)"
      let change = #"{"colour":"red","reason":9,"actor":"mallory","ticket":"T-0"}"#
      let document = #"{"type":"resident_id","number":"\#(newcomer.document.number)"}"#
      let carried = #"{"code":"\#(code)","scene":"health_gate","point":"x"}"#
      return [
        Endpoint(
          service: "issuer", method: .post, path: "/v1/holders", type: json,
          body: #"{"document":\#(document),"kind":"resident"}"#, stranger: .authority),
        Endpoint(service: "issuer", method: .get, path: "\(holder)/status", stranger: .nobody),
        Endpoint(
          service: "issuer", method: .post, path: "/v1/statuses", type: "application/x-ndjson",
          body: #"{"handle":"\#(handle)"}"#, stranger: .nobody),
        Endpoint(
          service: "issuer", method: .put, path: "\(holder)/status", type: json, body: change,
          stranger: .channel),
        Endpoint(
          service: "issuer", method: .post, path: "\(holder)/revocations", type: json,
          body: #"{"actor":"mallory","ticket":"T-0"}"#, stranger: .nobody),
        Endpoint(
          service: "issuer", method: .post, path: "/v1/codes", type: json,
          body: #"{"handle":"\#(handle)"}"#, stranger: .authority),
        Endpoint(
          service: "issuer", method: .post, path: "/v1/codes/batch", type: json,
          body: #"{"handle":"\#(handle)","count":3}"#, stranger: .authority),
        Endpoint(
          service: "issuer", method: .get, path: "/v1/feed/segments?after=0", stranger: .authority),
        Endpoint(service: "issuer", method: .get, path: "/v1/feed/head", stranger: .channel),
        Endpoint(service: "issuer", method: .get, path: "/v1/feed/snapshot", stranger: .channel),
        Endpoint(service: "issuer", method: .get, path: "/v1/feed/epoch-keys", stranger: .channel),
        Endpoint(
          service: "verifier", method: .post, path: "/v1/scans", type: "text/plain", body: code,
          stranger: .channel),
        Endpoint(
          service: "verifier", method: .post, path: "/v1/scans/batch", type: "text/plain",
          body: code, stranger: .authority),
        Endpoint(
          service: "verifier", method: .get, path: "/v1/scans/\(receipt)", stranger: .channel),
        Endpoint(
          service: "relay", method: .post, path: "/v1/foreign-scans", type: json, body: carried,
          stranger: .point),
        Endpoint(
          service: "relay", method: .post, path: "/v1/partner-scans", type: json, body: carried,
          stranger: .point),
      ]
    }

    @Test("a certificate's name has its own grants, and a foreign CA's certificate none")
    func certificates() async throws {
      try await withWorld { world in
        let home = world.home
        let relay = try home.newClient("issuer", certificateOf: "\(home.directory)/relay")
        #expect(try await relay.get("/v1/feed/head").status == 200)
        #expect(try await relay.send(.post, "/v1/codes") { _ in }.status == 403)
        // The end of the range is a bad position, not the end of the issuer.
        let last = try await relay.get("/v1/feed/segments?after=\(UInt64.max)&wait_seconds=1")
        #expect(last.status == 400)
        #expect(try await relay.get("/v1/feed/head").status == 200)
        let verifier = try home.newClient("issuer", certificateOf: "\(home.directory)/verifier")
        #expect(try await verifier.get("/v1/feed/head").status == 403)
        let partner = try home.newClient(
          "issuer", certificateOf: "\(world.partner.directory)/relay")
        #expect(try await partner.get("/v1/feed/head").status == 403)

        let foreign = try await CertificateAuthority(directory: "\(world.directory)/other-ca")
        try await foreign.issue(
          principal: Credentials.principal("relay", of: home.region),
          path: "\(world.directory)/impostor")
        let impostor = try home.newClient(
          "issuer", certificateOf: "\(world.directory)/impostor")
        await #expect(throws: (any Error).self) { try await impostor.get("/v1/feed/head") }
      }
    }

    @Test("channels cannot use one another's handles, operators not one another's receipts")
    func separation() async throws {
      try await withWorld { world in
        let (handle, code) = try await world.resident()
        let person = try await world.sample(of: world.home, count: 20)
          .first { $0.kind == "resident" }!
        let other = try world.home.channel(.secondChannel)
        let otherHandle = try await other.register(person)
        #expect(otherHandle != handle)
        let answer = try await other.codeAnswer(of: handle)
        #expect(answer.status == 404)
        #expect(answer.problem == "unknown_holder")
        // Both stand for one holder: what kills the codes of one kills those of the other.
        let otherCode = try await other.code(of: otherHandle)
        _ = try await world.home.commission().killCodes(of: handle)
        #expect(try await world.home.point().scan(otherCode).outcome == "killed")

        let receipt = try await world.home.point().scan(code).string("receipt")
        let stranger = try await world.home.point(.hospital).journalEntry(receipt)
        #expect(stranger.status == 404 || stranger.status == 403)
        let scene = try await world.home.point(.hospital).client.send(.post, "/v1/scans") {
          $0.field("code", code)
          $0.field("scene", "transit")
        }
        #expect(scene.status == 403)
      }
    }
  }
}
