/// The answer to a scan: accepted, or refused for a named reason. Numbers and names are stable
/// and the list is closed: points, partners and the scan journal depend on them.
package enum Outcome: UInt8, CaseIterable, Sendable {
  case accepted = 0
  /// The holder's colour does not pass in this scene.
  case colour = 1
  /// The status has run out and nothing newer is known.
  case statusExpired = 2
  case codeExpired = 3
  /// The code's time has not come, or the clocks disagree.
  case notYetValid = 4
  /// The scene counts a code once, and this one was counted before.
  case replayed = 5
  /// The holder has killed this code and all earlier ones.
  case killed = 6
  /// The region has suspended the holder, or a document or phone is reported lost.
  case suspended = 7
  /// The code was made for another scene, or the scene does not serve this kind of holder.
  case wrongScene = 8
  case unknownRegion = 9
  case unknownHolder = 10
  /// The code's key epoch is not one this host has.
  case unknownKey = 11
  /// Not a code of any known format.
  case malformed = 12
  /// A code by its form whose seal does not open.
  case forged = 13
  /// The host's knowledge is older than the scene allows.
  case staleCache = 14
  /// The code is another region's, which did not answer in time.
  case regionUnreachable = 15

  /// The machine name, such as `code_expired`.
  package var name: String {
    switch self {
    case .accepted: "accepted"
    case .colour: "colour"
    case .statusExpired: "status_expired"
    case .codeExpired: "code_expired"
    case .notYetValid: "not_yet_valid"
    case .replayed: "replayed"
    case .killed: "killed"
    case .suspended: "suspended"
    case .wrongScene: "wrong_scene"
    case .unknownRegion: "unknown_region"
    case .unknownHolder: "unknown_holder"
    case .unknownKey: "unknown_key"
    case .malformed: "malformed"
    case .forged: "forged"
    case .staleCache: "stale_cache"
    case .regionUnreachable: "region_unreachable"
    }
  }

  /// The outcome of a machine name.
  package init?(name: some StringProtocol) {
    guard let outcome = Outcome.allCases.first(where: { $0.name == name }) else { return nil }
    self = outcome
  }

  /// The stable identifier of the sentence a scanner speaks, such as `scan.accepted`.
  package var voice: String { "scan." + name }

  /// What a point shows, in Chinese: the reason and, where there is one, the next step.
  package var textZH: String {
    switch self {
    case .accepted: "通过"
    case .colour: "码色不符合本场所要求，请勿进入"
    case .statusExpired: "状态已过期，请更新后再扫"
    case .codeExpired: "二维码已过期，请刷新"
    case .notYetValid: "二维码尚未生效，请核对手机时间"
    case .replayed: "此码已使用过，请刷新"
    case .killed: "此码已作废，请重新申领"
    case .suspended: "此码已暂停使用，请联系工作人员"
    case .wrongScene: "此码不适用于本场景"
    case .unknownRegion: "未知地区的码"
    case .unknownHolder: "查无此码持有人"
    case .unknownKey: "无法核验此码，请刷新"
    case .malformed: "无法识别的码"
    case .forged: "此码无效，疑似伪造"
    case .staleCache: "核验数据不够新，请稍后再试"
    case .regionUnreachable: "无法连接发码地区，请稍后再试"
    }
  }

  /// What a point shows, in English.
  package var textEN: String {
    switch self {
    case .accepted: "Accepted"
    case .colour: "This colour may not enter here"
    case .statusExpired: "Status has expired: renew it and scan again"
    case .codeExpired: "Code has expired: refresh it"
    case .notYetValid: "Code is not valid yet: check the phone's clock"
    case .replayed: "Code has been used already: refresh it"
    case .killed: "Code has been cancelled: request a new one"
    case .suspended: "Code is suspended: please ask the staff"
    case .wrongScene: "Code is not for this use"
    case .unknownRegion: "Code of an unknown region"
    case .unknownHolder: "Unknown holder"
    case .unknownKey: "Code cannot be checked: refresh it"
    case .malformed: "Not a code we know"
    case .forged: "Invalid code: possibly forged"
    case .staleCache: "Data is not recent enough: try again shortly"
    case .regionUnreachable: "The code's region cannot be reached: try again shortly"
    }
  }
}
