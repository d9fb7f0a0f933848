import Codes
import Feed
import Storage

extension Registry {
  private static let generationsKey = Array("generations".utf8)

  func generationState() throws(StorageError) -> GenerationState {
    try environment.read { transaction throws(StorageError) in
      try generationState(in: transaction)
    }
  }

  func generationState(
    in transaction: borrowing ReadTransaction
  ) throws(StorageError) -> GenerationState {
    let stored = try transaction.get(meta, key: Self.generationsKey.span) { GenerationState($0) }
    return (stored ?? nil) ?? GenerationState.none
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

  func loadRecipe(ofSegment number: UInt64) throws(StorageError) -> LoadRecipe? {
    try environment.read { transaction throws(StorageError) in
      try transaction.get(recipes, key: number) { LoadRecipe($0) } ?? nil
    }
  }

  /// The last switch between generations behind segment `number`; loads are left out.
  func lastGenerationSwitch(after number: UInt64) throws(StorageError) -> UInt64? {
    var last: UInt64?
    try environment.read { transaction throws(StorageError) in
      try transaction.forEach(recipes, from: number + 1) { segment, bytes in
        if bytes.count > 0, bytes[0] != 0 { last = segment }
        return true
      }
    }
    return last
  }

  /// The last bulk load's segment.
  func lastLoad() throws(StorageError) -> UInt64? {
    var last: UInt64?
    try environment.read { transaction throws(StorageError) in
      try transaction.forEach(recipes, from: 0) { segment, bytes in
        if bytes.count > 0, bytes[0] == 0 { last = segment }
        return true
      }
    }
    return last
  }

  /// Bulk loads of holders from serial `first` on, in order.
  func loads(from first: UInt64) throws(StorageError) -> [LoadedHolders] {
    var loads: [LoadedHolders] = []
    try environment.read { transaction throws(StorageError) in
      try transaction.forEach(recipes, from: 0) { _, bytes in
        if let load = LoadedHolders(recipe: bytes), load.serials.lowerBound >= first {
          loads.append(load)
        }
        return true
      }
    }
    return loads
  }

  /// Positions read in one transaction.
  private static let touchesMax = 100_000

  /// Who was touched by the changes after position `after` up to `last`, each once, in order of
  /// serials. 24 bytes a change while it runs.
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
          if bytes.count == 14, let serial = Serial(stored: bytes.extracting(0..<5)) {
            touched.append(
              TouchedHolder(
                serial, StatusFields(rawValue: bytes[5]), Status(bits: bytes.bigEndian(at: 6))))
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
