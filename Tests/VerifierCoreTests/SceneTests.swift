import Codes
import JSON
import Testing
import VerifierCore

@Suite struct SceneTests {
  private func scene(_ text: String) throws -> Scene {
    try Scene(json: try JSONParser.parse(Array(text.utf8)))
  }

  @Test("reads a scene file with all members")
  func full() throws {
    let scene = try scene(
      """
      {"name": "pool", "number": 3, "colours": ["green", "yellow"], "kinds": ["resident"],
       "once": "everywhere", "priority": "low", "status_age_max_seconds": 30}
      """)
    #expect(
      scene
        == Scene(
          name: "pool", number: 3, colours: [.green, .yellow], kinds: [.resident],
          once: .everywhere, priority: .low, statusAgeMaxSeconds: 30))
  }

  @Test("what a scene file leaves out is: no once, normal priority, the verifier's age")
  func defaults() throws {
    let scene = try scene(
      #"{"name":"gate-2_b","number":255,"colours":["red"],"kinds":["dependant"]}"#)
    #expect(
      scene == Scene(name: "gate-2_b", number: 255, colours: [.red], kinds: [.dependant]))
    #expect(scene.once == .no)
    #expect(scene.priority == .normal)
    #expect(scene.statusAgeMaxSeconds == nil)
  }

  @Test(
    "refuses a file that cannot mean a scene and names the member",
    arguments: [
      ("name", #"{"number":1,"colours":["green"],"kinds":["resident"]}"#),
      ("name", #"{"name":"","number":1,"colours":["green"],"kinds":["resident"]}"#),
      ("name", #"{"name":7,"number":1,"colours":["green"],"kinds":["resident"]}"#),
      ("name", #"{"name":"a\"b","number":1,"colours":["green"],"kinds":["resident"]}"#),
      ("name", #"{"name":"a\nb","number":1,"colours":["green"],"kinds":["resident"]}"#),
      ("name", #"{"name":"医院","number":1,"colours":["green"],"kinds":["resident"]}"#),
      (
        "name",
        #"{"name":"abcdefghijklmnopqrstuvwxyz_1234567","number":1,"colours":["green"]}"#
      ),
      ("number", #"{"name":"a","number":0,"colours":["green"],"kinds":["resident"]}"#),
      ("number", #"{"name":"a","number":256,"colours":["green"],"kinds":["resident"]}"#),
      ("number", #"{"name":"a","number":"1","colours":["green"],"kinds":["resident"]}"#),
      ("colours", #"{"name":"a","number":1,"kinds":["resident"]}"#),
      ("colours", #"{"name":"a","number":1,"colours":[],"kinds":["resident"]}"#),
      ("colours", #"{"name":"a","number":1,"colours":["blue"],"kinds":["resident"]}"#),
      ("colours", #"{"name":"a","number":1,"colours":"green","kinds":["resident"]}"#),
      ("kinds", #"{"name":"a","number":1,"colours":["green"],"kinds":["person"]}"#),
      ("kinds", #"{"name":"a","number":1,"colours":["green"],"kinds":[1]}"#),
      ("once", #"{"name":"a","number":1,"colours":["green"],"kinds":["resident"],"once":"yes"}"#),
      ("once", #"{"name":"a","number":1,"colours":["green"],"kinds":["resident"],"once":true}"#),
      (
        "priority",
        #"{"name":"a","number":1,"colours":["green"],"kinds":["resident"],"priority":"top"}"#
      ),
      (
        "status_age_max_seconds",
        #"{"name":"a","number":1,"colours":["green"],"kinds":["resident"],"#
          + #""status_age_max_seconds":"30"}"#
      ),
      (
        "status_age_max_seconds",
        #"{"name":"a","number":1,"colours":["green"],"kinds":["resident"],"#
          + #""status_age_max_seconds":-1}"#
      ),
      (
        "status_age_max_seconds",
        #"{"name":"a","number":1,"colours":["green"],"kinds":["resident"],"#
          + #""status_age_max_seconds":9223372036854775807}"#
      ),
      ("colors", #"{"name":"a","number":1,"colors":["green"],"kinds":["resident"]}"#),
      ("name", "[]"), ("name", "null"),
    ])
  func refused(member: String, text: String) throws {
    do {
      let scene = try scene(text)
      Issue.record("took \(scene)")
    } catch let fault as Scene.Fault {
      #expect(fault.message.contains("\"\(member)\""), "\(fault.message)")
    }
  }
}
