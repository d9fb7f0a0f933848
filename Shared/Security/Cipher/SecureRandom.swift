internal import COpenSSL

/// Random bytes from OpenSSL's generator, which is seeded by the kernel.
package enum SecureRandom {
  /// Appends `count` bytes fit for keys and nonces. May be called from any thread.
  package static func append(_ count: Int, to output: inout [UInt8]) {
    precondition(count >= 0, "cannot make a negative number of bytes")
    guard count > 0 else { return }
    output.append(addingCapacity: count) { target in
      unsafe target.withUnsafeMutableBufferPointer { buffer, initialized in
        // OpenSSL takes an Int32; nothing here asks for gigabytes, but a cast must not truncate.
        let size = Int32(exactly: count) ?? -1
        mustSucceed(unsafe RAND_bytes(buffer.baseAddress, size), "RAND_bytes")
        initialized = count
      }
    }
  }

  /// Returns `count` random bytes.
  package static func bytes(_ count: Int) -> [UInt8] {
    var output: [UInt8] = []
    append(count, to: &output)
    return output
  }
}

/// Random bytes for a hot loop: fetched 4 KiB at a time, each given out once and then erased.
/// Cannot be copied, since a copy would give out the same bytes again. What is left when the pool
/// goes was never given out, so it is no one's secret.
package struct RandomPool: ~Copyable {
  private static let byteCount = 4096

  private var pool: [UInt8] = []
  private var next = 0

  /// Makes an empty pool: the first use fills it.
  package init() {}

  /// Appends `count` bytes, at most 4,096.
  package mutating func append(_ count: Int, to output: inout [UInt8]) {
    precondition((0...Self.byteCount).contains(count), "a pool gives at most 4,096 bytes at once")
    if pool.count - next < count { refill() }
    let end = next + count
    for index in next..<end {
      output.append(pool[index])
      pool[index] = 0
    }
    next = end
  }

  /// Returns a random number, e.g. for jitter.
  package mutating func nextUInt64() -> UInt64 {
    if pool.count - next < 8 { refill() }
    var value: UInt64 = 0
    for index in next..<(next + 8) {
      value = value << 8 | UInt64(pool[index])
      pool[index] = 0
    }
    next += 8
    return value
  }

  private mutating func refill() {
    pool.removeAll(keepingCapacity: true)
    SecureRandom.append(Self.byteCount, to: &pool)
    next = 0
  }
}
