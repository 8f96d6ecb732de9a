import CVectorKernels
import Vectors

/// A batch's labels, one for each token, checked, and the loss over them.
final class TokenRows {
  private let loss: CrossEntropy
  private var labels = UnsafeMutableBufferPointer<Int32>.allocate(capacity: 0)
  private var shares = UnsafeMutableBufferPointer<Double>.allocate(capacity: 0)
  private var count = 0
  private var counted = 0
  private var samples = 0

  /// `loss` is that of a token.
  init(by loss: CrossEntropy) { self.loss = loss }

  deinit {
    labels.deallocate()
    shares.deallocate()
  }

  /// Takes over a batch, whose rows of logits will lie by sample or, `byTime`, by the place of their
  /// token. Traps at a token, or at a label other than -1, that is none of `vocabulary`: it would
  /// read memory that is not the model's.
  func take(_ batch: borrowing Batch, vocabulary: Int, byTime: Bool) {
    let length = batch.shape.tokens
    precondition(
      length > 0 && batch.shape.labels == length,
      "a batch of \(length) tokens and \(batch.shape.labels) labels a sample")
    reserve(batch.capacity * length)
    (samples, count, counted) = (batch.count, batch.count * length, 0)
    let (toSample, toTime) = byTime ? (1, samples) : (length, 1)
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
        labels[sample * toSample + time * toTime] = label
        if label >= 0 { asked += 1 }
      }
      for time in 0..<length {
        shares[sample * toSample + time * toTime] = 1 / Double(max(asked, 1))
      }
      counted += asked
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
        logits, labels.baseAddress!, shares.baseAddress!, count, vocabulary, loss.labelSmoothing,
        scale,
        differentiating ? logits : nil, differentiating ? nil : right)
    }
    return Evaluation(lossSum: lossSum, score: right, scored: counted, count: samples)
  }

  private func reserve(_ rows: Int) {
    guard rows > shares.count else { return }
    labels.deallocate()
    shares.deallocate()
    labels = .allocate(capacity: rows)
    shares = .allocate(capacity: rows)
  }
}
