import Foundation
import Histogram
import RawHTTP2
import Testing

@testable import loadgen

/// Short runs against a real server: nghttpd with one static file.
@Suite(.serialized) struct NghttpdTests {
  private final class Server {
    let port: UInt16
    let process = Process()
    private let directory: URL

    init() throws {
      port = try Loopback.freePort()
      directory = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      try Data(repeating: 0x61, count: 40_000).write(to: directory.appending(path: "answer"))
      process.executableURL = URL(filePath: "/usr/bin/env")
      process.arguments = [
        "nghttpd", "--no-tls", "-n1", "-d", directory.path, "--address=127.0.0.1", String(port),
      ]
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      try process.run()
      var attemptsLeft = 200
      while attemptsLeft > 0,
        (try? RawConnection(to: .init(address: "127.0.0.1", port: port))) == nil
      {
        attemptsLeft -= 1
        Thread.sleep(forTimeInterval: 0.02)
      }
    }

    deinit {
      // Not `terminate`: the child has inherited blocked signals.
      kill(process.processIdentifier, SIGKILL)
      while process.isRunning { Thread.sleep(forTimeInterval: 0.01) }
      try? FileManager.default.removeItem(at: directory)
    }

    func plan(_ path: String) throws -> Plan {
      var item = ClassPlan(
        name: "test", endpoints: [try Inputs.endpoint("http://127.0.0.1:\(port)")], path: path)
      item.bodies = Bodies([[UInt8](repeating: 1, count: 30_000)])
      item.connections = 3
      item.streams = 4
      var plan = Plan(classes: [item])
      plan.warmupSeconds = 0.1
      plan.seconds = 0.4
      return plan
    }
  }

  @Test("a closed loop gets every answer, and a wrong status makes the run void")
  func closed() throws {
    let server = try Server()
    let total = try Runner(
      plan: try server.plan("/answer"), serverProcesses: [server.process.processIdentifier]
    ).run().total
    #expect(total.ok > 10 && total.answered == total.ok && total.latency.whole.totalCount > 10)
    #expect(total.lost + total.errors + total.wrong + total.refused == 0)
    let missing = try Runner(plan: try server.plan("/missing")).run().total
    #expect(missing.ok == 0 && missing.wrong > 0)
  }

  @Test("an open loop sends what its schedule says, and all of it is answered")
  func open() throws {
    let server = try Server()
    var plan = try server.plan("/answer")
    plan.ratePerSecond = 200
    let total = try Runner(plan: plan).run().total
    #expect(79...81 ~= total.sent && total.ok == total.sent && total.wrong + total.lost == 0)
  }

  @Test("a server that is not there is named, with what to look for")
  func absent() throws {
    let port = try Loopback.freePort()
    var item = ClassPlan(
      name: "test", endpoints: [try Inputs.endpoint("http://127.0.0.1:\(port)")], path: "/")
    item.connections = 1
    let failure = #expect(throws: Failure.self) {
      _ = try Runner(plan: Plan(classes: [item])).run()
    }
    #expect(failure?.description.contains("is the server there") == true)
  }
}
