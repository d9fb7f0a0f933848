import Codes
import Feed
import Storage

extension Registry {
  private static let generationsKey = Array("generations".utf8)

  func generationState() throws(StorageError) -> GenerationState {
    let name = Self.generationsKey
    return try environment.read { transaction throws(StorageError) in
      try transaction.get(meta, key: name.span) { GenerationState($0) } ?? nil
    } ?? .none
  }

  func put(
    _ state: GenerationState, in transaction: inout WriteTransaction
  ) throws(StorageError) {
    var bytes: [UInt8] = []
    state.encode(into: &bytes)
    try transaction.put(meta, key: Self.generationsKey.span, value: bytes.span)
  }

  func recipe(ofSegment number: UInt64) throws(StorageError) -> SwitchRecipe? {
    try environment.read { transaction throws(StorageError) in
      try transaction.get(recipes, key: number) { SwitchRecipe($0) } ?? nil
    }
  }

  /// All switches between generations behind segment `number`, in order; loads are left out.
  func generationSwitches(
    after number: UInt64 = 0
  ) throws(StorageError) -> [(segment: UInt64, recipe: SwitchRecipe)] {
    var switches: [(segment: UInt64, recipe: SwitchRecipe)] = []
    try environment.read { transaction throws(StorageError) in
      try transaction.forEach(recipes, from: number + 1) { segment, bytes in
        if bytes.count > 0, bytes[0] != 0, let recipe = SwitchRecipe(bytes) {
          switches.append((segment, recipe))
        }
        return true
      }
    }
    return switches
  }

  /// Positions read in one transaction.
  private static let touchesMax = 100_000

  /// Who was touched by the changes after position `after` up to `last`, each once, in order of
  /// serials. Eight bytes a change while it runs.
  func touched(after: UInt64, through last: UInt64) throws(StorageError) -> [TouchedHolder] {
    var touched: [TouchedHolder] = []
    var position = after
    while position < last {
      var left = Self.touchesMax
      var next = last
      try environment.read { transaction throws(StorageError) in
        try transaction.forEach(touches, from: position + 1) { key, bytes in
          guard key <= last, left > 0 else {
            next = min(last, key - 1)
            return false
          }
          if bytes.count == 6, let serial = Serial(stored: bytes.extracting(0..<5)) {
            touched.append(TouchedHolder(serial, StatusFields(rawValue: bytes[5])))
          }
          left -= 1
          return true
        }
      }
      position = next
    }
    return TouchedHolder.merged(touched)
  }
}
