import Codes
import Security

/// One line of JSON whose last member is the sealer's signature over all bytes before that member:
/// how manifests say whose they are.
enum SignedLine {
  private static let name = Array(",\"signature\":\"".utf8)
  private static let end = Array("\"}\n".utf8)
  /// An Ed25519 signature in hexadecimal digits.
  private static let digitCount = 128

  /// Adds the signature to a JSON object that has members.
  static func sealed(_ object: [UInt8], by key: SigningKey) -> [UInt8] {
    let signed = Array(object.dropLast())
    let signature = key.sign(signed.span)
    return signed + name + Array(Hexadecimal.text(of: signature.span).utf8) + end
  }

  /// Whether `line` is as `key`'s owner sealed it; not when it was changed since.
  static func isSealed(_ line: [UInt8], by key: VerifyingKey) -> Bool {
    let digitsEnd = line.count - end.count
    let digitsStart = digitsEnd - digitCount
    let signedEnd = digitsStart - name.count
    guard signedEnd > 0, line[signedEnd..<digitsStart].elementsEqual(name),
      line[digitsEnd...].elementsEqual(end)
    else { return false }
    let digits = line[digitsStart..<digitsEnd]
    guard let signature = Hexadecimal.bytes(of: String(decoding: digits, as: UTF8.self)),
      // One signature has one spelling.
      digits.elementsEqual(Hexadecimal.text(of: signature.span).utf8)
    else { return false }
    return key.verify(signature: signature.span, of: line.span.extracting(0..<signedEnd))
  }
}
