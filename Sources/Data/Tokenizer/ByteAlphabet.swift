/// The characters that stand for bytes in GPT-2's vocabulary: printable ones of Latin-1 for
/// themselves, and those from U+0100 on for the others, in order.
enum ByteAlphabet {
  static let characters: [Unicode.Scalar] = {
    var next: UInt32 = 256
    return (UInt8.min...UInt8.max).map { byte in
      if 0x21...0x7E ~= byte || 0xA1...0xAC ~= byte || byte >= 0xAE { return Unicode.Scalar(byte) }
      defer { next += 1 }
      return Unicode.Scalar(next)!
    }
  }()

  private static let values: [UInt32: UInt8] = {
    var values: [UInt32: UInt8] = [:]
    for (byte, character) in characters.enumerated() { values[character.value] = UInt8(byte) }
    return values
  }()

  /// The bytes of a text in this alphabet; nil where a character is none of it.
  static func bytes(of text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    for scalar in text.unicodeScalars {
      guard let byte = values[scalar.value] else { return nil }
      bytes.append(byte)
    }
    return bytes
  }
}
