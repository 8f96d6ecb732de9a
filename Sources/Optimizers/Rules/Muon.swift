import CVectorKernels
import ExperimentKeys
import Vectors

/// `optimizer.kind = "muon"`: matrices of hidden layers move by an orthogonal direction (Jordan et
/// al. 2024, as `torch.optim.Muon`): m ← μm + (1 − μ)g, u = (1 − μ)g + μm, w ← w − lr·λw −
/// lr·scale·orthogonalized(u).
///
/// Embeddings, the last layer's weights and tensors of one dimension are updated by AdamW, with keys
/// of its own. Every matrix is orthogonalized by its one owner (`NewtonSchulz`). The first moment is
/// the momentum of a matrix, and AdamW's mean gradient of another tensor; the second is AdamW's
/// alone.
public struct Muon: MatrixRule, DecayingRule, Equatable {
  public static let kind = "muon"
  public static let summary =
    "Hidden layers' matrices move by an orthogonalized momentum; AdamW updates the rest."
  public static let usualRate = 0.001

  /// What an orthogonalized direction is multiplied by, as `torch.optim.Muon` names it.
  public enum Scale: String, CaseIterable, Sendable {
    /// √max(1, rows/columns).
    case original
    /// 0.2·√max(rows, columns): steps as large as AdamW's, root mean square, so that its rate and
    /// decay will do (Liu et al. 2025, arXiv 2502.16982).
    case matchRMSOfAdamW = "match_rms_adamw"

    func factor(rows: Int, columns: Int) -> Double {
      switch self {
      case .original: max(1, Double(rows) / Double(columns)).squareRoot()
      case .matchRMSOfAdamW: 0.2 * Double(max(rows, columns)).squareRoot()
      }
    }
  }

  /// μ
  public var momentum: Double
  public var isNesterov: Bool
  public var scale: Scale
  public var weightDecay: Double
  public var adamW: AdamW
  /// AdamW's rate in parts of the learning rate.
  public var adamWRate: Double

  public init(
    momentum: Double = 0.95, isNesterov: Bool = true, scale: Scale = .original,
    weightDecay: Double = 0.1, adamW: AdamW = AdamW(), adamWRate: Double = 1
  ) {
    (self.momentum, self.isNesterov, self.scale) = (momentum, isNesterov, scale)
    (self.weightDecay, self.adamW, self.adamWRate) = (weightDecay, adamW, adamWRate)
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    momentum = try keys.momentWeight("momentum", default: 0.95, "memory of the mean gradient")
    isNesterov = try keys.boolean(
      "nesterov", default: true, "whether a direction has the newest gradient once more")
    scale = try keys.choice(
      "scale", default: .original,
      "what a direction is multiplied by: original, the root of rows/columns where that is above 1; match_rms_adamw, 0.2 times the root of the larger of the two, for AdamW's rate and decay"
    )
    weightDecay = try keys.weightDecay(default: 0.1, "times the weights, outside the gradient")
    adamWRate = try keys.number(
      "adamw_rate", default: 1, wanted: "a number above 0",
      "a factor on the learning rate of what AdamW updates: embeddings, the last layer's weights, and tensors of one dimension"
    ) { $0 > 0 }
    adamW = AdamW(
      beta1: try keys.momentWeight("adamw_beta1", default: 0.9, "memory of its mean gradient"),
      beta2: try keys.momentWeight("adamw_beta2", default: 0.999, "memory of its mean square"),
      epsilon: try keys.epsilon("adamw_epsilon", default: 1e-8),
      weightDecay: try keys.weightDecay(
        "adamw_weight_decay", default: 0.01, "times the weights that AdamW updates"))
  }

  public var momentNames: [String] { ["momentum_buffer", "exp_avg_sq"] }
  public var isAdaptive: Bool { true }
  public var normalizes: Bool { true }
  public var other: any OptimizerRule { adamW }
  public var otherRate: Double { adamWRate }

  /// The products make about 30·min(rows, columns) operations an element, and a core 50 or so in the
  /// time that it updates one.
  public func load(rows: Int, columns: Int) -> Int {
    rows * columns * (1 + min(rows, columns) / 2)
  }

  public func accumulate(_ step: UpdateStep) {
    let (gradient, buffer) = (step.gradient, step.moment(0))
    let (memory, gain) = (Float(momentum), Float((1 - momentum) * step.factor))
    cvk_combine(buffer, gradient, memory, gain, step.count)
    if isNesterov {
      cvk_combine(gradient, buffer, gain, memory, step.count)
    } else {
      gradient.update(from: buffer, count: step.count)
    }
  }

  public func direct(_ matrix: MatrixStep) {
    let (rows, columns) = (matrix.rows, matrix.columns)
    NewtonSchulz().orthogonalize(
      matrix.values, rows: rows, columns: columns, in: matrix.workspace)
    let factor = scale.factor(rows: rows, columns: columns)
    if factor != 1 { cvk_scale(matrix.values, Float(factor), rows * columns) }
  }

  /// The clip's factor is in the direction.
  public func update(_ step: UpdateStep) -> UpdateNorms {
    UpdateNorms(
      cvk_sgd(
        step.weights, step.gradient, step.count, Float(step.rate), 1, Float(weightDecay)))
  }
}

extension OptimizerRule where Self == Muon {
  public static func muon(
    momentum: Double = 0.95, isNesterov: Bool = true, scale: Muon.Scale = .original,
    weightDecay: Double = 0.1, adamW: AdamW = AdamW(), adamWRate: Double = 1
  ) -> Muon {
    Muon(
      momentum: momentum, isNesterov: isNesterov, scale: scale, weightDecay: weightDecay,
      adamW: adamW, adamWRate: adamWRate)
  }
}
