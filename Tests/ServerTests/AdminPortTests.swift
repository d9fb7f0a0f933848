import JSON
import Security
import Synchronization
import Testing

@testable import Server

@Suite struct AdminPortTests {
  /// What a check complains of; changed by the test.
  private final class Fault: Sendable {
    private let held = Mutex<String?>(nil)
    var text: String? {
      get { held.withLock { $0 } }
      set { held.withLock { $0 = newValue } }
    }
  }

  @Test("/readyz says ok, with ?verbose every check, and as JSON to who asks for it")
  func readiness() throws {
    let fault = Fault()
    let checks = [HealthCheck("journal") { nil }, HealthCheck("status_cache") { fault.text }]
    let port = AdminPort(metrics: Metrics(), checks: checks)
    defer { port.shutDown() }
    #expect(port.answer("/readyz").body == "[-] started: the service is starting\nnot ready\n")
    port.started()
    #expect(port.answer("/readyz").body == "ok\n")
    #expect(
      port.answer("/readyz?verbose").body
        == "[+] started ok\n[+] accepting ok\n[+] journal ok\n[+] status_cache ok\nready\n")

    fault.text = "its knowledge is 12 seconds old"
    for target in ["/readyz", "/readyz?verbose", "/readyz?format=json"] {
      let answer = port.answer(target)
      #expect(answer.status == 503 && answer.body.contains("12 seconds old"))
    }
    #expect(!port.answer("/readyz").body.contains("journal"))
    for answer in [
      port.answer("/readyz?format=json"), port.answer("/readyz", accept: "application/json, */*"),
    ] {
      #expect(answer.contentType == "application/json")
      let json = try JSONParser.parse(Array(answer.body.utf8))
      #expect(json["ready"]?.bool == false)
      #expect(json["checks"]?["journal"]?.string == "ok")
      #expect(json["checks"]?["status_cache"]?.string == fault.text)
    }
    fault.text = nil
    #expect(port.answer("/readyz").status == 200)
    port.drain()
    #expect(
      port.answer("/readyz").body == "[-] accepting: the service is shutting down\nnot ready\n")
    #expect(port.answer("/livez").status == 200)
  }

  @Test("/startupz tells the progress of a start, and afterwards that it has started for good")
  func start() {
    let progress = Fault()
    progress.text = "loading a snapshot: page 64 of 640"
    let port = AdminPort(metrics: Metrics(), checks: [], progress: { progress.text })
    defer { port.shutDown() }
    #expect(port.answer("/startupz").body == "the service is starting\n")
    port.started()
    let loading = port.answer("/startupz")
    #expect(loading.status == 503)
    #expect(loading.body == "loading a snapshot: page 64 of 640\n")
    #expect(port.answer("/readyz").status == 503)
    progress.text = nil
    #expect(port.answer("/startupz").status == 200)
    progress.text = "loading another"
    #expect(port.answer("/startupz").status == 200)
  }

  @Test("a certificate that is over is named with the cure; a spare authority may be over")
  func trust() throws {
    func dates(_ name: String, _ notBefore: Int64, _ notAfter: Int64) -> CertificateDates {
      CertificateDates(subject: "/CN=\(name)", notBefore: notBefore, notAfter: notAfter)
    }
    let periods = TrustPeriods(
      certificate: [dates("gate", 1_000, 9_000)],
      authorities: [dates("old", 0, 5_000), dates("new", 4_000, 8_000)])
    #expect(periods.complaint(at: 4_500) == nil && periods.complaint(at: 6_000) == nil)
    let early = try #require(periods.complaint(at: 400))
    #expect(early.contains("certificate_file: /CN=gate begins in 11 minutes"))
    #expect(early.contains("clock"))
    let none = try #require(periods.complaint(at: 8_060))
    #expect(none.hasPrefix("client_ca_file: /CN=old ended 51 minutes ago"), "\(none)")
    #expect(periods.complaint(at: 9_001)?.contains("certificate_file: /CN=gate ended") == true)
  }
}
