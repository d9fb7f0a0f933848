import Codes
import Server

/// The main job of CityCode, played on a running world: every step does something, checks that
/// the system answers as it promises, and tells a newcomer what happened.
///
/// `demo run` prints the lines; the end-to-end test plays the same steps.
package struct Story {
  package enum Line: Sendable {
    case step(number: Int, of: Int, title: String)
    case fact(String)
    /// A QR drawn with block characters.
    case picture(String)
  }

  let world: World
  private let tell: @Sendable (Line) -> Void
  let people: [Person]
  /// The resident whom most steps are about, and the code they have now.
  var resident = ""
  var code = ""

  package init(world: World, tell: @escaping @Sendable (Line) -> Void) async throws {
    self.world = world
    self.tell = tell
    people = try await world.sample(
      of: world.home, count: min(1_000, world.people(of: world.home)))
  }

  private typealias Step = (title: String, play: @Sendable (inout Story) async throws -> Void)

  private static let steps: [Step] = [
    ("Two regions are up, each with issuer, verifier and relay", { try await $0.isUp() }),
    ("A resident asks the city app for a code", { try await $0.residentAsks() }),
    ("The code is scanned at a health gate", { try await $0.gateAccepts() }),
    ("The authority sets the resident's colour to yellow", { try await $0.yellow() }),
    ("The resident's colour is green again", { try await $0.green() }),
    ("The phone is lost: the resident's codes are killed", { try await $0.phoneIsLost() }),
    ("A code is shown after its life", { try await $0.codeIsOld() }),
    ("Somebody changes one bit of a code", { try await $0.bitIsChanged() }),
    ("A child's code comes through the guardian", { try await $0.childComes() }),
    ("An organisation has a code, too", { try await $0.organisationComes() }),
    ("The Shanghai code is scanned in Zhejiang", { try await $0.travels() }),
    ("The issuer is killed while it writes", { try await $0.issuerIsKilled() }),
  ]

  /// Plays all steps; throws at the first that does not go as it must, with the step's number.
  package mutating func play() async throws {
    for (index, step) in Self.steps.enumerated() {
      tell(.step(number: index + 1, of: Self.steps.count, title: step.title))
      do { try await step.play(&self) } catch is CancellationError {
        throw CancellationError()
      } catch {
        throw WorldError("step \(index + 1), \"\(step.title)\": \(error)")
      }
    }
  }

  // MARK: For the steps

  func fact(_ text: String) { tell(.fact(text)) }

  func picture(_ text: String) { tell(.picture(text)) }

  func demand(_ condition: Bool, _ complaint: @autoclosure () -> String) throws {
    if !condition { throw WorldError(complaint()) }
  }

  /// The first person of the sample that `condition` holds for.
  func person(_ what: String, where condition: (Person) -> Bool) throws -> Person {
    guard let person = people.first(where: condition) else {
      throw WorldError("no \(what) among the first \(people.count) people: load more")
    }
    return person
  }

  var home: Site { world.home }

  /// "0.5 ms"
  func show(_ duration: Duration) -> String {
    let tenths = Int((duration / .microseconds(100)).rounded())
    return "\(tenths / 10).\(tenths % 10) ms"
  }

  /// An RFC 3339 time `seconds` from now.
  package static func time(fromNow seconds: Int64) -> String {
    CityTime(unixSeconds: System.wallMilliseconds / 1_000 + seconds).description
  }
}
