import JSON

/// What `/readyz` found, check by check. Pure.
///
/// As text, "ok" or what is wrong, a line each; `?verbose` has a line for every check. As JSON
/// (`Accept: application/json` or `?format=json`) `{"ready":false,"checks":{"epoch_keys":"ok",
/// "status_cache":"its knowledge is 12 seconds old: ..."}}`.
struct ReadinessReport {
  /// In the order in which they are told; no complaint: all is well.
  let findings: [(name: String, complaint: String?)]

  var isReady: Bool { findings.allSatisfy { $0.complaint == nil } }

  func text(isVerbose: Bool) -> String {
    var text = ""
    for (name, complaint) in findings {
      if let complaint {
        text += "[-] \(name): \(complaint)\n"
      } else if isVerbose {
        text += "[+] \(name) ok\n"
      }
    }
    return text + (isReady ? isVerbose ? "ready\n" : "ok\n" : "not ready\n")
  }

  var json: String {
    var json = JSONWriter()
    json.object {
      $0.field("ready", isReady)
      $0.field(
        "checks",
        object: { checks in
          for (name, complaint) in findings { checks.field(name, complaint ?? "ok") }
        })
    }
    json.endLine()
    return String(decoding: json.bytes, as: UTF8.self)
  }
}
