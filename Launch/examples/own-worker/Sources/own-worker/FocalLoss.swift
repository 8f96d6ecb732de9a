import Glibc
import Lockstep

/// `model.loss = "focal"`: −(1 − p)^γ·log p, p being the probability of the label (Lin et al. 2017,
/// arXiv 1708.02002): what is learnt already counts less.
struct FocalLoss: Loss {
  static let kind = "focal"
  static let summary = "Cross-entropy in which what is learnt already counts less."
  let gamma: Double

  init(gamma: Double) { self.gamma = gamma }

  init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    gamma = try keys.number(
      "gamma", default: 2, in: 0...10, "how much less: 0 is the cross-entropy")
  }

  func measure(
    _ outputs: UnsafePointer<Float>, width: Int, batch: borrowing Batch, scale: Float,
    gradient: UnsafeMutablePointer<Float>?
  ) -> Evaluation {
    checkLabels(batch, classes: width)
    var result = Evaluation(scored: batch.count, count: batch.count)
    for sample in 0..<batch.count {
      let row = UnsafeBufferPointer(start: outputs + sample * width, count: width).map(Double.init)
      let label = Int(batch.labels[sample])
      let largest = row.max()!
      let sum = row.reduce(0) { $0 + exp($1 - largest) }
      let logarithm = row[label] - largest - log(sum)
      let p = exp(logarithm)
      let rest = max(1 - p, .leastNormalMagnitude)
      result.lossSum -= pow(rest, gamma) * logarithm
      if row.firstIndex(of: largest) == label { result.score += 1 }
      guard let gradient else { continue }
      // ∂loss/∂(log p), and ∂(log p)/∂z.
      let slope = gamma * p * pow(rest, gamma - 1) * logarithm - pow(rest, gamma)
      for index in 0..<width {
        let own = (index == label ? 1 : 0) - exp(row[index] - largest) / sum
        gradient[sample * width + index] = Float(Double(scale) * slope * own)
      }
    }
    return result
  }
}
