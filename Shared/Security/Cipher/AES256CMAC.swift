internal import COpenSSL
import Synchronization

/// A message of at most 23 bytes, laid out for `AES256CMAC.tags(of:into:)`.
public struct CMACMessage: BitwiseCopyable, Sendable {
  // In the order of memory, with the bit that ends a message which is no whole block.
  @usableFromInline var first: UInt64
  @usableFromInline var second: UInt64
  @usableFromInline var third: UInt64
  @usableFromInline var byteCount: Int

  /// Words whose first byte is the least significant; bytes behind `byteCount` are zero.
  @inlinable
  package init(_ first: UInt64, _ second: UInt64, _ third: UInt64, byteCount: Int) {
    precondition(0..<24 ~= byteCount, "a short message has at most 23 bytes")
    let end: UInt64 = byteCount == 16 ? 0 : 0x80 << UInt64(8 * (byteCount % 8))
    self.first = (byteCount < 8 ? first | end : first).littleEndian
    self.second = (byteCount / 8 == 1 ? second | end : second).littleEndian
    self.third = (byteCount / 8 == 2 ? third | end : third).littleEndian
    self.byteCount = byteCount
  }
}

/// The 16 bytes of a MAC as two big-endian words.
public struct CMACTag: BitwiseCopyable, Hashable, Sendable {
  @usableFromInline package var high: UInt64
  @usableFromInline package var low: UInt64

  @inlinable
  package init(high: UInt64 = 0, low: UInt64 = 0) {
    self.high = high
    self.low = low
  }
}

/// CMAC with AES-256 under one key (NIST SP 800-38B, RFC 4493): 16 bytes for a message of any
/// length. Of many short messages at once the processor encrypts several at a time, so that one
/// costs a tenth of what HMAC-SHA-256 does.
package final class AES256CMAC: Sendable, CustomStringConvertible, CustomReflectable {
  private let cipher: Mutex<BlockBatch>
  /// What is added to a last block that is whole, and to one that is not.
  private let wholeSubkey: CMACTag
  private let cutSubkey: CMACTag

  /// Takes a key of exactly 32 bytes.
  package init(key: Span<UInt8>) {
    precondition(key.count == 32, "AES-256 takes a key of 32 bytes")
    let cipher = BlockBatch(key: key)
    cipher[0] = (0, 0)
    cipher.encrypt(count: 1)
    wholeSubkey = Self.doubled(cipher.tag(0))
    cutSubkey = Self.doubled(wholeSubkey)
    self.cipher = Mutex(cipher)
  }

  /// The same key for another thread, which need not wait for this one.
  package init(copying other: borrowing AES256CMAC) {
    cipher = Mutex(other.cipher.withLock { BlockBatch(copying: $0) })
    wholeSubkey = other.wholeSubkey
    cutSubkey = other.cutSubkey
  }

  /// Multiplied by x in the field of 2^128 elements that the standard names.
  private static func doubled(_ tag: CMACTag) -> CMACTag {
    CMACTag(
      high: tag.high << 1 | tag.low >> 63, low: tag.low << 1 ^ (tag.high >> 63 == 1 ? 0x87 : 0))
  }

  private static func block(_ subkey: CMACTag) -> (UInt64, UInt64) {
    (subkey.high.bigEndian, subkey.low.bigEndian)
  }

  /// Returns the MAC of `message`.
  package func tag(of message: Span<UInt8>) -> CMACTag {
    cipher.withLock { cipher in
      cipher[0] = (0, 0)
      var offset = 0
      while message.count - offset > 16 {
        cipher.add(Self.block(message, offset), to: 0)
        cipher.encrypt(count: 1)
        offset += 16
      }
      var last = Self.block(message, offset)
      let left = message.count - offset
      let end = (UInt64(0x80) << UInt64(8 * (left % 8))).littleEndian
      if left < 8 { last.0 ^= end } else if left < 16 { last.1 ^= end }
      cipher.add(last, to: 0)
      cipher.add(Self.block(left == 16 ? wholeSubkey : cutSubkey), to: 0)
      cipher.encrypt(count: 1)
      return cipher.tag(0)
    }
  }

  /// Up to 16 bytes of a message, zeros behind them.
  private static func block(_ message: Span<UInt8>, _ offset: Int) -> (UInt64, UInt64) {
    var words: (UInt64, UInt64) = (0, 0)
    for index in 0..<min(16, message.count - offset) {
      let byte = UInt64(message[offset + index]) << UInt64(8 * (index % 8))
      if index < 8 { words.0 |= byte } else { words.1 |= byte }
    }
    return (words.0.littleEndian, words.1.littleEndian)
  }

  /// The MAC of each of `messages`, into as many places of `tags`.
  package func tags(of messages: Span<CMACMessage>, into tags: inout MutableSpan<CMACTag>) {
    precondition(messages.count <= tags.count, "a place for each MAC")
    cipher.withLock { cipher in
      var start = 0
      while start < messages.count {
        let end = min(start + BlockBatch.countMax, messages.count)
        tag(messages.extracting(start..<end), with: cipher, into: &tags, at: start)
        start = end
      }
    }
  }

  /// As many messages as a batch has blocks: all first blocks, then the second of those with two.
  private func tag(
    _ messages: Span<CMACMessage>, with cipher: borrowing BlockBatch,
    into tags: inout MutableSpan<CMACTag>, at start: Int
  ) {
    let whole = Self.block(wholeSubkey)
    let cut = Self.block(cutSubkey)
    for index in messages.indices {
      let message = messages[index]
      cipher[index] = (message.first, message.second)
      if message.byteCount <= 16 { cipher.add(message.byteCount == 16 ? whole : cut, to: index) }
    }
    cipher.encrypt(count: messages.count)
    for index in messages.indices {
      tags[start + index] = cipher.tag(index)
      cipher.add((messages[index].third ^ cut.0, cut.1), to: index)
    }
    cipher.encrypt(count: messages.count)
    for index in messages.indices where messages[index].byteCount > 16 {
      tags[start + index] = cipher.tag(index)
    }
  }

  /// Says that there is a key, not which.
  package var description: String { "AES256CMAC(key hidden)" }
  /// Empty, so that no debugger or `dump` prints the key.
  package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Some blocks of 16 bytes and OpenSSL's AES-256 that encrypts them in place, several at a time;
/// for one thread at a time. A block is two words in the order of memory.
@safe
private struct BlockBatch: ~Copyable {
  static let countMax = 64

  private let context: OpaquePointer
  private let words: UnsafeMutablePointer<UInt64>

  private init(context: OpaquePointer) {
    unsafe self.context = context
    unsafe words = .allocate(capacity: 2 * Self.countMax)
    unsafe words.initialize(repeating: 0, count: 2 * Self.countMax)
  }

  init(key: Span<UInt8>) {
    unsafe self.init(context: mustExist(EVP_CIPHER_CTX_new(), "EVP_CIPHER_CTX_new"))
    unsafe key.withUnsafeBufferPointer { key in
      mustSucceed(
        unsafe EVP_EncryptInit_ex(context, EVP_aes_256_ecb(), nil, key.baseAddress, nil),
        "EVP_EncryptInit_ex")
    }
    mustSucceed(unsafe EVP_CIPHER_CTX_set_padding(context, 0), "EVP_CIPHER_CTX_set_padding")
  }

  init(copying other: borrowing BlockBatch) {
    unsafe self.init(context: mustExist(EVP_CIPHER_CTX_new(), "EVP_CIPHER_CTX_new"))
    mustSucceed(unsafe EVP_CIPHER_CTX_copy(context, other.context), "EVP_CIPHER_CTX_copy")
  }

  // EVP_CIPHER_CTX_free erases the key schedule.
  deinit {
    unsafe EVP_CIPHER_CTX_free(context)
    unsafe words.deallocate()
  }

  subscript(index: Int) -> (UInt64, UInt64) {
    get {
      precondition(index >= 0 && index < Self.countMax, "no such block")
      return unsafe (words[2 * index], words[2 * index + 1])
    }
    nonmutating set {
      precondition(index >= 0 && index < Self.countMax, "no such block")
      unsafe words[2 * index] = newValue.0
      unsafe words[2 * index + 1] = newValue.1
    }
  }

  func add(_ block: (UInt64, UInt64), to index: Int) {
    let present = self[index]
    self[index] = (present.0 ^ block.0, present.1 ^ block.1)
  }

  func tag(_ index: Int) -> CMACTag {
    let block = self[index]
    return CMACTag(high: UInt64(bigEndian: block.0), low: UInt64(bigEndian: block.1))
  }

  /// Replaces the first blocks by their encryptions.
  func encrypt(count: Int) {
    precondition(count <= Self.countMax, "the blocks have their places")
    unsafe words.withMemoryRebound(to: UInt8.self, capacity: 16 * Self.countMax) { start in
      var written: Int32 = 0
      mustSucceed(
        unsafe EVP_EncryptUpdate(context, start, &written, start, Int32(16 * count)),
        "EVP_EncryptUpdate")
    }
  }
}
