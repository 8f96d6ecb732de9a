/// Cuts a text in UTF-8 into words as GPT-2's pattern does:
/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
struct WordSplitter {
  enum Class: UInt8 { case letter, number, space, other }

  /// The classes of the characters below U+3000, which most texts are made of.
  private let known: [Class]

  init() {
    known = (0..<0x3000).map { value in
      Unicode.Scalar(UInt32(value)).map(Self.classify) ?? .other
    }
  }

  private static func classify(_ scalar: Unicode.Scalar) -> Class {
    if scalar.properties.isWhitespace { return .space }
    return switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
      .letter
    case .decimalNumber, .letterNumber, .otherNumber: .number
    default: .other
    }
  }

  /// The class of the character that begins at a place, and its length in bytes. The text is valid
  /// UTF-8.
  private func character(_ text: UnsafeBufferPointer<UInt8>, _ place: Int) -> (Class, Int) {
    let first = UInt32(text[place])
    if first < 0x80 { return (known[Int(first)], 1) }
    func rest(_ index: Int) -> UInt32 { UInt32(text[place + index] & 0x3F) }
    if first < 0xE0 { return (known[Int((first & 0x1F) << 6 | rest(1))], 2) }
    let (value, length) =
      first < 0xF0
      ? ((first & 0xF) << 12 | rest(1) << 6 | rest(2), 3)
      : ((first & 7) << 18 | rest(1) << 12 | rest(2) << 6 | rest(3), 4)
    if value < 0x3000 { return (known[Int(value)], length) }
    return (Unicode.Scalar(value).map(Self.classify) ?? .other, length)
  }

  /// The end of the word that begins at a place, in a text that ends at `end`.
  func wordEnd(_ text: UnsafeBufferPointer<UInt8>, from start: Int, end: Int) -> Int {
    if let end = contractionEnd(text, start, end) { return end }
    var (kind, length) = character(text, start)
    var place = start + length
    if kind == .space {
      // The last space of several is left for the word after it.
      var last = start
      while place < end, case let (next, step) = character(text, place) {
        guard next == .space else {
          if last > start { return last }
          // One space goes before a word, any other kind is a word.
          guard text[start] == UInt8(ascii: " ") else { return place }
          (kind, length) = (next, step)
          place += length
          return runEnd(text, of: kind, from: place, end: end)
        }
        last = place
        place += step
      }
      return end
    }
    return runEnd(text, of: kind, from: place, end: end)
  }

  private func runEnd(
    _ text: UnsafeBufferPointer<UInt8>, of kind: Class, from start: Int, end: Int
  ) -> Int {
    var place = start
    while place < end, case let (next, length) = character(text, place), next == kind {
      place += length
    }
    return place
  }

  /// The end of 's, 't, 're, 've, 'm, 'll or 'd.
  private func contractionEnd(_ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> Int?
  {
    guard text[start] == UInt8(ascii: "'"), start + 1 < end else { return nil }
    let second = start + 2 < end ? text[start + 2] : 0
    switch (text[start + 1], second) {
    case (UInt8(ascii: "s"), _), (UInt8(ascii: "t"), _), (UInt8(ascii: "m"), _),
      (UInt8(ascii: "d"), _):
      return start + 2
    case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
      (UInt8(ascii: "l"), UInt8(ascii: "l")):
      return start + 3
    default: return nil
    }
  }
}
