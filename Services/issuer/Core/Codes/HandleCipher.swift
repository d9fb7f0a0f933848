package import Codes
import Security

/// Turns serials into handles and back: one AES-256 block of {serial 5, channel 2, zeros 9}.
///
/// The same holder has another handle in every channel and nobody without the key can join them;
/// nothing is stored. The nine zero bytes make a made-up handle decrypt to nonsense but once in
/// 2^72 tries.
package struct HandleCipher {
  private let cipher: AES256Block

  package init(key: [UInt8]) { cipher = AES256Block(key: key.span) }

  /// 26 base32 characters.
  package func handle(of serial: Serial, in channel: UInt16) -> String {
    var block: [UInt8] = []
    block.appendBigEndian(serial.value, byteCount: 5)
    block.appendBigEndian(channel)
    for _ in 0..<9 { block.append(0) }
    var handle: [UInt8] = []
    cipher.encrypt(block.span, into: &handle)
    return Base32.text(of: handle.span)
  }

  /// `nil` for anything that `handle` did not make.
  package func open(_ handle: some StringProtocol) -> (serial: Serial, channel: UInt16)? {
    let text = Array(handle.utf8)
    return open(text.span)
  }

  /// The same for a handle as bytes.
  package func open(_ handle: Span<UInt8>) -> (serial: Serial, channel: UInt16)? {
    var sealed: [UInt8] = []
    guard handle.count == 26, Base32.decode(handle, into: &sealed), sealed.count == 16
    else { return nil }
    var block: [UInt8] = []
    cipher.decrypt(sealed.span, into: &block)
    guard block[7...].allSatisfy({ $0 == 0 }) else { return nil }
    let bytes = block.span
    guard let serial = Serial(bytes.bigEndianNumber(at: 0, byteCount: 5)) else { return nil }
    return (serial, bytes.bigEndian(at: 5))
  }
}
