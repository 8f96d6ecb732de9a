import Vectors

/// The temporal-order task: which of two symbols came first and which second, asked after a long
/// stretch of noise.
///
/// A sequence of `length` tokens over six symbols: 0 to 3 are noise, 4 (A) and 5 (B) carry
/// information. One of those stands at a random place around a tenth of the sequence, another
/// around a half of it; the label, asked at the last token alone, is the class of the pair: AA 0,
/// AB 1, BA 2, BB 3. All other labels are −1: not counted. A sample is a function of (seed, index)
/// alone.
///
/// S. Hochreiter, J. Schmidhuber, Long Short-Term Memory, 1997, experiment 6a; with the places of
/// R. Pascanu, T. Mikolov, Y. Bengio, On the difficulty of training recurrent neural networks,
/// 2013, section 4.1: the first in [L/10, 2L/10], the second in [5L/10, 6L/10].
public struct TemporalOrder: Dataset {
  public let count: Int
  public let shape: SampleShape
  public let seed: UInt64
  /// The index, among all samples that the seed defines, of this set's first.
  private let first: Int

  /// Sequences of at least 10 tokens, so that the informative ones are in different places and
  /// neither is the last.
  public init(length: Int, samples: Int, seed: UInt64) {
    self.init(length: length, first: 0, samples: samples, seed: seed)
  }

  private init(length: Int, first: Int, samples: Int, seed: UInt64) {
    precondition(
      length >= 10 && samples > 0,
      "temporal order needs sequences of at least 10 tokens, and a sample")
    (count, self.first, self.seed) = (samples, first, seed)
    shape = SampleShape(tokens: length, labels: length, classes: 6)
  }

  /// Further samples, none of them in this set: a test split.
  public func further(_ samples: Int) -> TemporalOrder {
    TemporalOrder(length: shape.tokens, first: first + count, samples: samples, seed: seed)
  }

  public func read(_ samples: ArraySlice<UInt32>, into batch: inout Batch) {
    let length = shape.tokens
    for (row, sample) in samples.enumerated() {
      var stream = RandomStream(seed, RandomPurpose.temporalOrder, UInt64(first + Int(sample)))
      let tokens = UnsafeMutableBufferPointer(
        rebasing: batch.tokens[row * length..<(row + 1) * length])
      // Two random bits a symbol.
      for start in stride(from: 0, to: length, by: 32) {
        var bits = stream.next()
        for place in start..<min(start + 32, length) {
          tokens[place] = Int32(bits & 3)
          bits >>= 2
        }
      }
      func draw(_ from: Int, _ through: Int) -> (place: Int, isB: Int) {
        let place = from + Int(stream.integer(below: UInt64(through - from + 1)))
        return (place, Int(stream.integer(below: 2)))
      }
      let earlier = draw(length / 10, 2 * length / 10)
      let later = draw(5 * length / 10, 6 * length / 10)
      tokens[earlier.place] = Int32(4 + earlier.isB)
      tokens[later.place] = Int32(4 + later.isB)
      let labels = UnsafeMutableBufferPointer(
        rebasing: batch.labels[row * length..<(row + 1) * length])
      labels.update(repeating: -1)
      labels[length - 1] = Int32(2 * earlier.isB + later.isB)
    }
  }
}
