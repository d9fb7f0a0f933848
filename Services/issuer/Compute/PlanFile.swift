import Codes
import IssuerCore
import Server

extension ComputePlan {
  /// The plan in the file `path`, checked, its patterns expanded to files that are there. Relative
  /// files begin at `records` or else at the plan's folder; `asOf` takes the place of the plan's.
  ///
  /// Throws `PlanFaults` for what is wrong with the plan, `System.Fault` when it cannot be read.
  static func load(
    path: String, records: String? = nil, now: CityTime, asOf: CityTime? = nil
  ) throws -> ComputePlan {
    let bytes = try System.readFile(path, byteCountMax: 4 << 20)
    var plan = try ComputePlan(yaml: bytes, file: path, now: now, asOf: asOf)
    let folder = records ?? path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    var faults: [PlanFault] = []
    var owners: [String: String] = [:]
    for index in plan.sources.indices {
      var files: [String] = []
      let source = plan.sources[index]
      for (file, line) in zip(source.files, source.fileLines) {
        do throws(System.Fault) {
          let found = try expand(file.hasPrefix("/") ? file : "\(folder)/\(file)")
          if found.isEmpty {
            faults.append(
              PlanFault(
                file: path, line: line,
                text: "no file fits \"\(file)\" of \"\(source.name)\" in \(folder)"))
          }
          for name in found {
            if let other = owners.updateValue(source.name, forKey: name) {
              faults.append(
                PlanFault(
                  file: path, line: line,
                  text: "\(name) is read twice: by \"\(other)\" and by \"\(source.name)\""))
            }
          }
          files += found
        } catch {
          faults.append(PlanFault(file: path, line: line, text: error.description))
        }
      }
      plan.sources[index].files = files
    }
    if !faults.isEmpty { throw PlanFaults(faults) }
    return plan
  }

  /// The files that a path, perhaps with a pattern as its last part, names, in byte order.
  private static func expand(_ path: String) throws(System.Fault) -> [String] {
    let slash = path.lastIndex(of: "/")
    let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
    let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let names = try System.files(in: folder, suffix: "")
    let pattern = FilePattern(name)
    // A name without * and ? fits itself only, so that a missing file is found here.
    let isPattern = FilePattern.isPattern(name)
    return names.filter { isPattern ? pattern.fits($0) : $0 == name }
      .sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
      .map { folder == "/" ? "/\($0)" : "\(folder)/\($0)" }
  }
}
