import ExperimentKeys
import Vectors

/// How a gradient g changes the weights w at a learning rate lr, as `optimizer.kind` names it: by
/// PyTorch's definitions and defaults, where it has the rule.
///
/// Every element is updated on its own, so that who owns it, and in how many pieces it is updated,
/// does not change a bit. What a rule needs of whole tensors it declares, and gets as one factor a
/// tensor.
public protocol OptimizerRule: Kind {
  /// The default of `optimizer.learning_rate`.
  static var usualRate: Double { get }

  /// The state kept for each weight, one Float32 each, under the names that PyTorch's optimisers
  /// give it; zero at the start.
  var momentNames: [String] { get }

  /// What of whole tensors the rule needs.
  var needs: OptimizerNeeds { get }

  /// Whether each weight's step is divided by the size of its own gradients, as Adam's is: AdaScale
  /// then takes the root of its gain.
  var isAdaptive: Bool { get }

  /// Whether the length of a step does not depend on that of the gradient, element by element or
  /// tensor by tensor: a clip that scales the gradient then acts through momentum alone.
  var normalizes: Bool { get }

  /// What the moments obey whatever the gradients were; nil where nothing is known.
  var momentInvariant: MomentInvariant? { get }

  /// Updates some of a tensor's weights with `step.factor`·g, `step.trust` being the tensor's
  /// ratio.
  func update(_ step: UpdateStep) -> UpdateNorms

  /// For ``OptimizerNeeds/directionNorms``: takes `step.factor`·g into the moments, leaves the
  /// direction in g's place, and returns its squared norm. The update that follows has the
  /// direction as its gradient, and the factor 1.
  func direct(_ step: UpdateStep) -> Double

  /// A tensor's ratio from the norms of its weights and of its applied gradient or direction, where
  /// the rule needs one; both are reduced.
  func trustRatio(weights: Double, norm: Double) -> Double

  /// For ``OptimizerNeeds/evaluationWeights``: puts in the place of some weights those that
  /// evaluation and `final.safetensors` use, such as an average of theirs. Training goes on from the
  /// weights that were there.
  func evaluationWeights(_ part: EvaluationPart)
}

/// A rule with a weight decay, which groups of tensors may have another of, or none.
public protocol DecayingRule: OptimizerRule {
  /// λ, times the weights.
  var weightDecay: Double { get set }
}

/// Every kind of optimizer; the first is the default.
public enum OptimizerRules: KindList {
  public static let noun = "optimizer kind"
  public static let builtIn: [any OptimizerRule.Type] = [
    SGD.self,
    Momentum.self,
    AdamW.self,
    LARS.self,
    LAMB.self,
    DoG.self,
    Lion.self,
    Muon.self,
  ]
  public static func choice(of kind: any OptimizerRule.Type) -> KeyDeclaration.Choice {
    KeyDeclaration.Choice(kind)
  }
}

extension Registry {
  /// Makes a optimizer kind of the program's own known to experiments.
  public mutating func register(_ kind: (some OptimizerRule).Type) {
    add(kind, to: OptimizerRules.self)
  }
}

extension OptimizerRule {
  public var momentNames: [String] { [] }
  public var needs: OptimizerNeeds { [] }
  public var isAdaptive: Bool { false }
  public var normalizes: Bool { false }
  public var momentInvariant: MomentInvariant? { nil }
  public func direct(_ step: UpdateStep) -> Double { 0 }
  public func trustRatio(weights: Double, norm: Double) -> Double { 1 }
  public func evaluationWeights(_ part: EvaluationPart) {}

  /// p, where a batch k times as large has kᵖ times the learning rate: 1 keeps the noise of SGD's
  /// path, ½ that of a rule whose steps do not grow with the gradient (Malladi et al. 2022, arXiv
  /// 2205.10287), and a rule that finds the rate itself needs no factor.
  public var ratePower: Double { needs.contains(.startDistance) ? 0 : isAdaptive ? 0.5 : 1 }
}

/// What an optimiser needs of whole tensors.
public struct OptimizerNeeds: OptionSet, Sendable {
  public let rawValue: Int
  public init(rawValue: Int) { self.rawValue = rawValue }

  /// A ratio for each tensor of two or more dimensions, from the norms of its weights and of its
  /// applied gradient.
  public static let gradientNorms = OptimizerNeeds(rawValue: 1)
  /// A ratio for each such tensor, from the norms of its weights and of the direction that
  /// ``OptimizerRule/direct(_:)`` makes: one small allreduce more.
  public static let directionNorms = OptimizerNeeds(rawValue: 2)
  /// The rate is the distance from the starting weights, which its only moment holds, over the
  /// gradients' norms (DoG).
  public static let startDistance = OptimizerNeeds(rawValue: 4)
  /// Evaluation and the final weights are not those of training: see
  /// ``OptimizerRule/evaluationWeights(_:)``.
  public static let evaluationWeights = OptimizerNeeds(rawValue: 8)

  /// What takes the weights' norms by tensor.
  public static let weightNorms: OptimizerNeeds = [.gradientNorms, .directionNorms, .startDistance]
}

/// Neighbouring weights of one tensor, their gradient and moments, for one update.
public struct UpdateStep {
  /// How many weights there are.
  public let count: Int
  public let weights: UnsafeMutablePointer<Float>
  /// The mean gradient before clipping, or the direction.
  public let gradient: UnsafeMutablePointer<Float>
  /// The clip coefficient: clipping costs no pass of its own.
  public let factor: Double
  public let rate: Double
  /// The tensor's ratio, 1 for rules that need none.
  public let trust: Double
  /// The number of this step, from 1; skipped steps do not count, nor steps in which the tensor
  /// was frozen.
  public let number: Int
  let moments: UnsafeMutablePointer<Float>
  let momentStride: Int

  /// Moment `index` of ``OptimizerRule/momentNames``, for these weights.
  public func moment(_ index: Int) -> UnsafeMutablePointer<Float> { moments + index * momentStride }
}

/// Some weights that evaluation is to use, and their moments.
public struct EvaluationPart {
  public let count: Int
  /// The weights as they are trained, to be replaced.
  public let weights: UnsafeMutablePointer<Float>
  /// The steps taken so far.
  public let steps: Int
  let moments: UnsafeMutablePointer<Float>
  let momentStride: Int

  /// Moment `index` of ``OptimizerRule/momentNames``, for these weights.
  public func moment(_ index: Int) -> UnsafeMutablePointer<Float> { moments + index * momentStride }
}

// The keys that several rules have.
extension ExperimentReader {
  /// Of rules whose decay is part of the gradient, unless `help` says otherwise.
  mutating func weightDecay(
    _ key: String = "weight_decay", default fallback: Double = 0,
    _ help: String = "times the weights, part of the gradient"
  ) throws(ExperimentError) -> Double {
    try number(key, default: fallback, in: 0...(.infinity), help)
  }

  mutating func momentWeight(_ key: String, default fallback: Double, _ help: String)
    throws(ExperimentError) -> Double
  {
    try number(key, default: fallback, in: 0..<1, help)
  }

  mutating func epsilon(_ key: String = "epsilon", default fallback: Double)
    throws(ExperimentError) -> Double
  {
    // Float32 must see it: the gaps between tensors would become 0/0.
    try number(key, default: fallback, in: 1e-30...(.infinity), "added to the mean square's root")
  }
}
