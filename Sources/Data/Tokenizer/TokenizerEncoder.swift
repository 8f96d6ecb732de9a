import FlightRecorder

/// Turns texts into a tokenizer's tokens; it remembers the words that it has met.
public struct TokenizerEncoder: ~Copyable {
  /// Why a text has no tokens.
  public struct Failure: Error {
    /// The byte of the text, counted from 0.
    public var offset: Int
    public var what: String

    public init(offset: Int, what: String) { (self.offset, self.what) = (offset, what) }
  }

  private let tokenizer: Tokenizer
  private let splitter = WordSplitter()
  private var merger: PairMerger
  /// The tokens of words met before: a part of `remembered`.
  private var words: [[UInt8]: Range<Int>] = [:]
  private var remembered: [Int32] = []
  /// Longer words are seldom met again.
  private static let longestRemembered = 32
  private static let mostRemembered = 1 << 20

  public init(_ tokenizer: Tokenizer) {
    self.tokenizer = tokenizer
    merger = PairMerger(tokenizer)
  }

  /// A text's tokens.
  /// - Throws: where it is not UTF-8, or has a byte that is no token.
  public mutating func encode(_ text: [UInt8]) throws(Failure) -> [Int32] {
    let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.count)
    defer { copy.deallocate() }
    _ = copy.initialize(from: text)
    return try encode(UnsafeBufferPointer(copy))
  }

  /// A text's tokens.
  /// - Throws: where it is not UTF-8, or has a byte that is no token.
  public mutating func encode(_ text: UnsafeBufferPointer<UInt8>) throws(Failure) -> [Int32] {
    if let offset = Self.firstInvalid(text) {
      throw Failure(offset: offset, what: "the text is not UTF-8 here, which a tokenizer needs")
    }
    var tokens: [Int32] = []
    tokens.reserveCapacity(text.count / 3)
    // Those that are not normalized are looked for first, as in the library.
    let passes = [false, true].map { isNormalized in
      AddedTokens(tokenizer.added.filter { $0.isNormalized == isNormalized })
    }
    try split(text, 0..<text.count, passes[...], into: &tokens)
    return tokens
  }

  private mutating func split(
    _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ passes: ArraySlice<AddedTokens>,
    into tokens: inout [Int32]
  ) throws(Failure) {
    guard let pass = passes.first else { return try encode(text, range, into: &tokens) }
    var start = range.lowerBound
    while start < range.upperBound {
      let found = pass.first(in: text, start..<range.upperBound)
      let end = found?.range.lowerBound ?? range.upperBound
      if start < end { try split(text, start..<end, passes.dropFirst(), into: &tokens) }
      if let found { tokens.append(found.id) }
      start = found?.range.upperBound ?? range.upperBound
    }
  }

  /// The tokens of a part without added ones.
  private mutating func encode(
    _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, into tokens: inout [Int32]
  ) throws(Failure) {
    var (start, count) = (range.lowerBound, 0)
    while start < range.upperBound {
      let end = splitter.wordEnd(text, from: start, end: range.upperBound)
      try encode(word: UnsafeBufferPointer(rebasing: text[start..<end]), at: start, into: &tokens)
      start = end
      count += 1
      if count % 65536 == 0 { FlightRecorder.advance() }
    }
  }

  private mutating func encode(
    word: UnsafeBufferPointer<UInt8>, at offset: Int, into tokens: inout [Int32]
  ) throws(Failure) {
    let key = word.count <= Self.longestRemembered ? Array(word) : []
    if !key.isEmpty, let known = words[key] {
      tokens.append(contentsOf: remembered[known])
      return
    }
    if let place = word.firstIndex(where: { tokenizer.byteTokens[Int($0)] < 0 }) {
      throw Failure(
        offset: offset + place,
        what: "the byte \(describe(word[place])) is no token of the tokenizer")
    }
    let first = tokens.count
    merger.merge(word, into: &tokens)
    guard !key.isEmpty, words.count < Self.mostRemembered else { return }
    let start = remembered.count
    remembered.append(contentsOf: tokens[first...])
    words[key] = start..<remembered.count
  }

  /// Where a text is not UTF-8; nil where it is.
  private static func firstInvalid(_ text: UnsafeBufferPointer<UInt8>) -> Int? {
    do {
      _ = try UTF8Span(validating: text.span)
      return nil
    } catch {
      return error.byteOffsets.lowerBound
    }
  }
}

/// Finds tokens that stand in a text as they are: the first of them, and of those that begin
/// together the longest.
private struct AddedTokens {
  /// Those that begin with a byte, the longest first.
  private var byFirst = [[Tokenizer.Added]](repeating: [], count: 256)
  private let isEmpty: Bool

  init(_ tokens: [Tokenizer.Added]) {
    isEmpty = tokens.isEmpty
    for token in tokens.sorted(by: { $0.bytes.count > $1.bytes.count }) {
      byFirst[Int(token.bytes[0])].append(token)
    }
  }

  func first(in text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> (
    range: Range<Int>, id: Int32
  )? {
    if isEmpty { return nil }
    for place in range {
      for token in byFirst[Int(text[place])] where token.bytes.count <= range.upperBound - place {
        let end = place + token.bytes.count
        if text[place..<end].elementsEqual(token.bytes) { return (place..<end, token.id) }
      }
    }
    return nil
  }
}
