import Files
import Vectors

/// The tokens of a file cut into samples of `context`, each to be predicted from those before it,
/// as ``Text`` cuts bytes.
///
/// Sample i is made of tokens i·context … i·context + context: the first `context` are its tokens,
/// the last `context`, the same shifted by one, its labels.
public struct Tokens: DivisibleDataset {
  public let count: Int
  public let shape: SampleShape
  private let file: TokenFile
  /// The index, among all samples of the file, of this set's first.
  private let first: Int

  /// - Throws: when the file is too short for one sample, or longer than samples can be numbered.
  public init(_ file: TokenFile, vocabulary: Int, context: Int) throws(FileError) {
    precondition(context > 0 && vocabulary > 0, "a sample has at least one token")
    guard file.count > context else {
      throw FileError(
        file.path, at: file.file.byteCount,
        "the \(file.count) tokens end here, one sample of context \(context) takes \(context + 1)",
        remedy: "give a longer file or set data.context to \(max(1, file.count - 1)) or less")
    }
    let count = (file.count - 1) / context
    guard count <= UInt32.max else {
      throw FileError(
        file.path, "\(count) samples are more than the \(UInt32.max) that can be numbered",
        remedy: "set data.context to \((file.count - 1) / Int(UInt32.max) + 1) or more")
    }
    (self.file, self.count, first) = (file, count, 0)
    shape = SampleShape(tokens: context, labels: context, classes: vocabulary)
  }

  private init(_ whole: Tokens, _ samples: Range<Int>) {
    (file, shape) = (whole.file, whole.shape)
    (first, count) = (whole.first + samples.lowerBound, samples.count)
  }

  public var waitsForFiles: Bool { true }

  public subscript(samples: Range<Int>) -> Tokens {
    precondition(
      samples.lowerBound >= 0 && samples.upperBound <= count && !samples.isEmpty,
      "there are no samples \(samples) of \(count)")
    return Tokens(self, samples)
  }

  public func read(_ samples: ArraySlice<UInt32>, into batch: inout Batch) throws(FileError) {
    let context = shape.tokens
    let window = UnsafeMutableBufferPointer<UInt16>.allocate(capacity: context + 1)
    defer { window.deallocate() }
    for (row, sample) in samples.enumerated() {
      let start = (first + Int(sample)) * context
      try file.file.fill(UnsafeMutableRawBufferPointer(window), at: 2 * start)
      var largest: UInt16 = 0
      for place in 0..<context {
        let (token, next) = (
          UInt16(littleEndian: window[place]), UInt16(littleEndian: window[place + 1])
        )
        batch.tokens[row * context + place] = Int32(token)
        batch.labels[row * context + place] = Int32(next)
        largest = max(largest, token, next)
      }
      // All tokens were read when the set was opened, so that this is a file that has changed.
      guard largest < shape.classes else {
        let place = window.firstIndex { UInt16(littleEndian: $0) == largest }!
        throw FileError(
          file.path, at: 2 * (start + place), "token \(largest) was not here at the start",
          remedy: "do not change the file while it is read")
      }
    }
  }
}
