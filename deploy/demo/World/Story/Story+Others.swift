import JSON

/// Codes of others: children, organisations, travellers.
extension Story {
  func childComes() async throws {
    let child = try person("dependant") { $0.kind == "dependant" }
    let guardian = try person("guardian") { $0.document == child.guardian }
    let channel = try home.channel()
    let childHandle = try await channel.register(child)
    let guardianHandle = try await channel.register(guardian)
    let code = try await channel.code(of: guardianHandle, .init(dependant: childHandle))
    let scan = try await home.point().scan(code).expected("accepted", "the child's code")
    try demand(scan.string("kind") == "dependant", "the code is a \(scan.string("kind"))'s")
    fact("On the mother's or father's phone: \(show(scan)).")

    let stranger = try person("other resident") {
      $0.kind == "resident" && $0.document != child.guardian
    }
    let strangerHandle = try await channel.register(stranger)
    let refused = try await channel.codeAnswer(of: strangerHandle, .init(dependant: childHandle))
    try demand(
      refused.status == 403 && refused.problem == "not_guardian",
      "somebody else asked for the child's code and got \(refused.status) \(refused.text)")
    let alone = try await channel.codeAnswer(of: childHandle)
    try demand(
      alone.status == 403 && alone.problem == "guardian_required",
      "the child's code without the guardian: \(alone.status) \(alone.text)")
    fact("Nobody else gets it: 403 not_guardian; nor does the child alone: 403 guardian_required.")
  }

  func organisationComes() async throws {
    let organisation = try person("organisation") { $0.kind == "organisation" }
    let channel = try home.channel()
    let code = try await channel.code(of: try await channel.register(organisation))
    let scan = try await home.point().scan(code).expected("accepted", "the organisation's code")
    try demand(scan.string("kind") == "organisation", "the code is a \(scan.string("kind"))'s")
    fact("A company, by its unified social credit code: \(show(scan)).")
    let pool = try await home.point().scan(code, scene: "pool")
      .expected("wrong_scene", "the organisation at a pool")
    fact("It cannot go swimming, though: \(show(pool)).")
  }

  func travels() async throws {
    let code = try await home.channel().code(of: resident)
    let scan = try await world.partner.point().scan(code)
      .expected("accepted", "the scan in \(world.partner.region)")
    try demand(scan.string("region") == home.region, "the answer is of \(scan.string("region"))")
    fact(
      "Region \(world.partner.region) asks region \(home.region), relay to relay:"
        + " \(show(scan)), in \(show(scan.duration)).")
    _ = try await home.commission().set("red", of: resident, reason: 4)
    let refused = try await world.partner.point().scan(code)
      .expected("colour", "the scan in \(world.partner.region) after red")
    fact("The home region sets red, and the gate over there says \(show(refused)).")
    _ = try await home.commission().set("green", of: resident, reason: 0)
  }
}
