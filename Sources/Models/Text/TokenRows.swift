import CVectorKernels
import Vectors

/// A batch's tokens and labels in the order in which a model has its rows, checked, and the loss
/// over them.
final class TokenRows {
  /// In which order the rows lie.
  enum Order {
    /// A sample's tokens follow one another, as in a batch.
    case bySample
    /// All samples' first tokens, then all second ones.
    case byTime
  }

  private let order: Order
  private let loss: CrossEntropy
  private var memory = UnsafeMutableBufferPointer<Int32>.allocate(capacity: 0)
  private var shares = UnsafeMutableBufferPointer<Double>.allocate(capacity: 0)
  private var count = 0
  private var counted = 0
  private var samples = 0

  /// `loss` is that of a token.
  init(_ order: Order, by loss: CrossEntropy = .crossEntropy) {
    (self.order, self.loss) = (order, loss)
  }

  deinit {
    memory.deallocate()
    shares.deallocate()
  }

  var tokens: UnsafePointer<Int32> { UnsafePointer(memory.baseAddress!) }
  private var labels: UnsafePointer<Int32> { tokens + shares.count }

  /// Takes over a batch. Traps at a token, or at a label other than -1, that is none of
  /// `vocabulary`: it would read memory that is not the model's.
  func take(_ batch: borrowing Batch, vocabulary: Int) {
    let length = batch.shape.tokens
    precondition(
      length > 0 && batch.shape.labels == length,
      "a batch of \(length) tokens and \(batch.shape.labels) labels a sample")
    reserve(batch.capacity * length)
    (samples, count, counted) = (batch.count, batch.count * length, 0)
    for sample in 0..<samples {
      var asked = 0
      for time in 0..<length {
        let (token, label) = (
          batch.tokens[sample * length + time], batch.labels[sample * length + time]
        )
        guard (0..<vocabulary).contains(Int(token)), (-1..<vocabulary).contains(Int(label)) else {
          fatalError(
            "token \(token) or label \(label) at \(time) of sample \(sample) in its batch is none of a vocabulary of \(vocabulary)"
          )
        }
        let row = order == .byTime ? time * samples + sample : sample * length + time
        memory[row] = token
        memory[shares.count + row] = label
        if label >= 0 { asked += 1 }
      }
      for time in 0..<length {
        shares[order == .byTime ? time * samples + sample : sample * length + time] =
          1 / Double(max(asked, 1))
      }
      counted += asked
    }
  }

  /// Takes over one sample's tokens, without labels.
  func take(_ tokens: ArraySlice<Int32>, vocabulary: Int) {
    reserve(tokens.count)
    for (row, token) in tokens.enumerated() {
      guard (0..<vocabulary).contains(Int(token)) else {
        fatalError("token \(token) is none of a vocabulary of \(vocabulary)")
      }
      memory[row] = token
    }
  }

  /// The losses and right tokens; with `differentiating`, scale · ∂loss/∂logits in the place of the
  /// logits. They are rows × vocabulary.
  func measure(
    _ logits: UnsafeMutablePointer<Float>, vocabulary: Int, scale: Float = 1, differentiating: Bool
  ) -> Evaluation {
    var right = 0
    let lossSum = withUnsafeMutablePointer(to: &right) { right in
      cvk_cross_entropy(
        logits, labels, shares.baseAddress!, count, vocabulary, loss.labelSmoothing, scale,
        differentiating ? logits : nil, differentiating ? nil : right)
    }
    return Evaluation(lossSum: lossSum, score: right, scored: counted, count: samples)
  }

  private func reserve(_ rows: Int) {
    guard rows > shares.count else { return }
    memory.deallocate()
    shares.deallocate()
    memory = .allocate(capacity: 2 * rows)
    shares = .allocate(capacity: rows)
  }
}
