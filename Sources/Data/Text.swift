import Files
import Vectors

/// A text cut into samples of `context` tokens, each to be predicted from those before it.
///
/// Sample i is made of bytes i·context … i·context + context: the first `context` are its tokens,
/// the last `context`, the same shifted by one, its labels. Bytes at the end that do not fill a
/// sample are not used.
public struct Text: DivisibleDataset {
  public let vocabulary: Vocabulary
  public let count: Int
  public let shape: SampleShape
  /// The index, among all samples of the text, of this set's first.
  private let first: Int
  private let content: Content

  private enum Content: @unchecked Sendable {
    case file(TextFile)
    // Nothing writes to the bytes once a data set exists, so ranks' threads may all read them.
    case memory(TextFile, UnsafeRawBufferPointer, owner: any AnyObject & Sendable)
  }

  /// The samples of a plain file, read from it as they are drawn. `byteCount` is the text's length
  /// as counted.
  /// - Throws: when it is too short for one sample, or longer than samples can be numbered.
  public init(_ file: TextFile, byteCount: Int, vocabulary: Vocabulary, context: Int)
    throws(FileError)
  {
    precondition(!file.isGzip, "the text of \(file.path) is to be unpacked first")
    guard byteCount == file.file.byteCount else {
      throw FileError(
        file.path, "has \(file.file.byteCount) bytes here, the ranks together counted \(byteCount)",
        remedy: "give the same file on every host, and do not change it")
    }
    try self.init(file, .file(file), byteCount: byteCount, vocabulary: vocabulary, context: context)
  }

  /// The samples of a text that ``TextFile/load(into:)`` has unpacked, by this process or another;
  /// `owner` keeps the memory alive.
  public init(
    _ file: TextFile, in memory: UnsafeRawBufferPointer, keeping owner: any AnyObject & Sendable,
    vocabulary: Vocabulary, context: Int
  ) throws(FileError) {
    try self.init(
      file, .memory(file, memory, owner: owner), byteCount: memory.count, vocabulary: vocabulary,
      context: context)
  }

  private init(
    _ file: TextFile, _ content: Content, byteCount: Int, vocabulary: Vocabulary, context: Int
  ) throws(FileError) {
    precondition(context > 0, "a sample has at least one token")
    guard byteCount > context else {
      throw file.failure(
        at: byteCount,
        "the text ends here, one sample of context \(context) takes \(context + 1) bytes",
        remedy: "give a longer text or set data.context to \(max(1, byteCount - 1)) or less")
    }
    let count = (byteCount - 1) / context
    guard count <= UInt32.max else {
      throw file.failure(
        at: 0, "\(count) samples are more than the \(UInt32.max) that can be numbered",
        remedy: "set data.context to \((byteCount - 1) / Int(UInt32.max) + 1) or more")
    }
    self.init(content, vocabulary, context: context, samples: 0..<count)
  }

  private init(_ content: Content, _ vocabulary: Vocabulary, context: Int, samples: Range<Int>) {
    (self.content, self.vocabulary) = (content, vocabulary)
    (first, count) = (samples.lowerBound, samples.count)
    shape = SampleShape(tokens: context, labels: context, classes: vocabulary.count)
  }

  public var context: Int { shape.tokens }

  public var waitsForFiles: Bool {
    if case .file = content { true } else { false }
  }

  /// The samples in a range of this set's, as a set of its own.
  public subscript(samples: Range<Int>) -> Text {
    precondition(
      samples.lowerBound >= 0 && samples.upperBound <= count && !samples.isEmpty,
      "there are no samples \(samples) of \(count)")
    return Text(
      content, vocabulary, context: context,
      samples: first + samples.lowerBound..<first + samples.upperBound)
  }

  public func read(_ samples: ArraySlice<UInt32>, into batch: inout Batch) throws(FileError) {
    switch content {
    case .memory(let file, let bytes, _):
      for (row, sample) in samples.enumerated() {
        let start = (first + Int(sample)) * context
        let window = UnsafeRawBufferPointer(rebasing: bytes[start..<start + context + 1])
        try enter(window, at: start, of: file, row, &batch)
      }
    case .file(let file):
      let window = UnsafeMutableRawBufferPointer.allocate(byteCount: context + 1, alignment: 64)
      defer { window.deallocate() }
      for (row, sample) in samples.enumerated() {
        let start = (first + Int(sample)) * context
        let got = try file.file.read(into: window, at: start)
        guard got == window.count else {
          throw file.failure(
            at: start + got, "the file ends here, it was longer at the start",
            remedy: "do not change it while it is read")
        }
        try enter(UnsafeRawBufferPointer(window), at: start, of: file, row, &batch)
      }
    }
  }

  /// Writes a window's tokens and labels into a row.
  private func enter(
    _ window: UnsafeRawBufferPointer, at start: Int, of file: TextFile, _ row: Int,
    _ batch: inout Batch
  ) throws(FileError) {
    let tokens = batch.tokens.baseAddress! + row * context
    let labels = batch.labels.baseAddress! + row * context
    var least: Int32 = 0
    vocabulary.tokens.withUnsafeBufferPointer { table in
      var token = table[Int(window[0])]
      for place in 0..<context {
        let next = table[Int(window[place + 1])]
        (tokens[place], labels[place]) = (token, next)
        least = min(least, token, next)
        token = next
      }
    }
    // The whole text was counted, so that this is a file that has changed; a token of −1 would lie
    // outside every table of a model.
    guard least < 0 else { return }
    let place = window.firstIndex { vocabulary.tokens[Int($0)] < 0 }!
    throw file.failure(
      at: start + place, "the byte \(describe(window[place])) was not here at the start",
      remedy: "do not change the file while it is read")
  }
}
