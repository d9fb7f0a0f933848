import Codes
import Security

/// What the statuses after a switch segment are made of, beside the changes in the log: enough to
/// build them again when the status cache is lost.
enum SwitchRecipe: Sendable, Equatable {
  /// A bulk load. The segment's digest is of the statuses.
  case load
  /// The pages of generation `number`, under all that was changed after position `base`.
  case generation(number: UInt32, base: UInt64, pagesDigest: Digest)
  /// No computed generation: what loads and single changes said.
  case byHand

  private static let generationTag: UInt8 = 1
  private static let byHandTag: UInt8 = 2

  /// The stored form; a load's is written by `LoadRecipe`.
  var encoded: [UInt8] {
    var bytes: [UInt8] = []
    switch self {
    case .load: preconditionFailure("a load has its own recipe")
    case .generation(let number, let base, let pagesDigest):
      bytes.append(Self.generationTag)
      bytes.appendBigEndian(number)
      bytes.appendBigEndian(base)
      pagesDigest.append(to: &bytes)
    case .byHand: bytes.append(Self.byHandTag)
    }
    return bytes
  }

  /// A load begins with a serial of 8 bytes, so with a zero.
  init?(_ bytes: Span<UInt8>) {
    guard bytes.count > 0 else { return nil }
    switch (bytes[0], bytes.count) {
    case (0, 20...): self = .load
    case (Self.generationTag, 13 + Digest.byteCount):
      self = .generation(
        number: bytes.bigEndian(at: 1), base: bytes.bigEndian(at: 5),
        pagesDigest: Digest(bytes.extracting(13...)))
    case (Self.byHandTag, 1): self = .byHand
    default: return nil
    }
  }

  /// What the segment carries for a switch between generations: recipe and log together decide the
  /// statuses, so a digest of the recipe stands for them.
  var digest: Digest {
    let bytes = encoded
    return SHA256.hash(bytes.span)
  }
}

/// Which generation the statuses belong to, and what the status cache holds beside it.
struct GenerationState: Sendable, Equatable {
  /// The generation in force; 0 while no computed one is.
  var inForce: UInt32
  /// The generation whose pages the cache still holds as its previous one, 0 again for none that
  /// was computed; `nil` when there is nothing to go back to.
  var held: UInt32?
  /// The last change that the held pages know of.
  var heldUpTo: UInt64
  /// Whether a rollback goes to the held pages. Not after a rollback: two operators who press the
  /// button at once shall not undo each other.
  var mayRollBack: Bool

  static let none = GenerationState(inForce: 0, held: nil, heldUpTo: 0, mayRollBack: false)

  static let byteCount = 4 + 1 + 4 + 8

  func encode(into bytes: inout [UInt8]) {
    bytes.appendBigEndian(inForce)
    bytes.append((held == nil ? 0 : 1) | (mayRollBack ? 2 : 0))
    bytes.appendBigEndian(held ?? 0)
    bytes.appendBigEndian(heldUpTo)
  }

  init?(_ bytes: Span<UInt8>) {
    guard bytes.count == Self.byteCount, bytes[4] <= 3 else { return nil }
    self.init(
      inForce: bytes.bigEndian(at: 0), held: bytes[4] & 1 == 1 ? bytes.bigEndian(at: 5) : nil,
      heldUpTo: bytes.bigEndian(at: 9), mayRollBack: bytes[4] & 2 == 2)
  }

  init(inForce: UInt32, held: UInt32?, heldUpTo: UInt64, mayRollBack: Bool) {
    self.inForce = inForce
    self.held = held
    self.heldUpTo = heldUpTo
    self.mayRollBack = mayRollBack
  }
}
