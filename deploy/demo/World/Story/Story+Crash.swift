/// The issuer dies at the worst moment.
extension Story {
  func issuerIsKilled() async throws {
    let writers = people.filter { $0.kind == "resident" }.prefix(8)
    var handles: [String] = []
    for person in writers { handles.append(try await home.channel().register(person)) }
    let load = WriteLoad(site: home, handles: handles)
    let acknowledged = try await load.run(killingAfter: .milliseconds(700))
    try demand(acknowledged > 0, "the issuer acknowledged nothing in 0.7 s")
    fact(
      "\(handles.count) officers wrote at once; SIGKILL came after \(acknowledged)"
        + " acknowledged writes."
    )
    let scan = try await home.point().scan(try await freshCode(before: load))
    fact("Scans went on meanwhile, from the status cache: \(scan.outcome).")
    let start = ContinuousClock.now
    try await home.issuer.start()
    fact("The issuer is back after \(show(ContinuousClock.now - start)).")
    try await load.check()
    fact("Every acknowledged write is there; those without an answer were repeated safely.")
  }

  /// A code that was made before the issuer was killed.
  private func freshCode(before load: WriteLoad) async throws -> String {
    guard let code = load.codeBefore else { throw WorldError("no code was made before the kill") }
    return code
  }
}
