package import Codes

/// The partner regions and where their relays are: configured as "330000=https://host:port".
package struct PartnerTable: Sendable {
  package let urls: [Region: String]

  /// An entry that cannot be used, as text for the operator.
  package struct Fault: Error {
    package let message: String
  }

  package init(_ entries: [String]) throws(Fault) {
    var urls: [Region: String] = [:]
    for entry in entries {
      let parts = entry.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, let region = Region(text: parts[0]) else {
        throw Fault(message: "partners: \"\(entry)\" is not of the form 330000=https://host:port")
      }
      guard urls.updateValue(String(parts[1]), forKey: region) == nil else {
        throw Fault(message: "partners: region \(region) stands twice")
      }
    }
    self.urls = urls
  }

  /// The relay of the region that made `code`; `nil` if it is not a partner's dynamic code.
  package func partner(ofCode code: Span<UInt8>) -> (region: Region, url: String)? {
    guard code.count == DynamicCode.byteCount, let header = DynamicCode.Header(code),
      let url = urls[header.region]
    else { return nil }
    return (header.region, url)
  }
}
