import ExperimentKeys
import Vectors

/// A kind of clip rule that an experiment can name as `clip.rule`: what it decides from a step's
/// norms, and what it remembers.
///
/// A rule is given reduced, finite values only, so all ranks decide alike. A norm of 0 says nothing
/// of how long gradients are: it should enter no memory, so that no limit becomes 0, from which no
/// weight would ever move again.
public protocol ClipRule: Kind, StatefulKind {
  associatedtype State = Stateless

  /// The state before the first step, for a model of so many tensors.
  func initialState(tensorCount: Int) -> State

  /// Whether a state read from a file can be one of this rule's, for a model of so many tensors.
  func accepts(_ state: State, tensorCount: Int) -> Bool

  /// What the rule looks at besides the whole gradient's norm.
  var needs: ClipNeeds { get }

  /// What it limits where `clip.of` does not say it.
  static var usualTarget: ClipTarget { get }

  /// The norm of the whole gradient that the rule measures.
  var order: NormOrder { get }

  /// The limit for the whole gradient's norm, where it is the same in every step whatever came
  /// before. `clip.scope`, and the proof by √L that the rule does not act, are for such rules.
  var limit: Double? { get }

  /// Decides how a step's gradient is scaled, and remembers the step.
  func decide(_ norms: StepNorms, _ state: inout State) -> ClipEffect

  /// Clips one grain of the mean gradient (a tensor's whole rows) and returns the sum of its
  /// squares afterwards; for rules that need ``ClipNeeds/elements``. Every rank calls it for the
  /// tiles that it updates.
  func clip(_ gradient: inout FlatVector, weights: borrowing FlatVector, in part: TensorLayout.Part)
    -> Double

  /// The same for rules that need ``ClipNeeds/secondMoment``, which the optimiser has of the part's
  /// elements, in their order; `step` is the optimiser's step, from 1, that the gradient is for.
  func clip(
    _ gradient: inout FlatVector, secondMoment: Span<Float>, inStep step: Int,
    in part: TensorLayout.Part
  ) -> Double

  /// What elements of each tensor are limited to, from the largest magnitude in it; for rules that
  /// need ``ClipNeeds/largestElements``. Longer elements are scaled as if that largest one were the
  /// limit: times limit / largest. The state is as the last step left it.
  func limits(ofLargest largest: [Double], _ state: State) -> [Double]

  /// Whether the optimiser's moments begin anew in its step `step`, and with what rate: a function
  /// of the step alone, so the same on every rank.
  func restart(inStep step: Int) -> MomentRestart
}

/// Every kind of clip rule; the first is the default.
public enum ClipRules: KindList {
  public static let noun = "clip rule"
  public static let builtIn: [any ClipRule.Type] = [
    NoClip.self,
    GlobalClip.self,
    PerLayerClip.self,
    ValueClip.self,
    AdaptiveGradientClip.self,
    PercentileClip.self,
    ZScoreClip.self,
    NormalizeClip.self,
    RunningMeanClip.self,
    AdaGC.self,
    QuantileClip.self,
    RMSClip.self,
    SPAMClip.self,
    StableSPAMClip.self,
    SigmaClip.self,
  ]
  public static func choice(of kind: any ClipRule.Type) -> KeyDeclaration.Choice {
    KeyDeclaration.Choice(kind)
  }
}

extension Registry {
  /// Makes a clip rule of the program's own known to experiments.
  public mutating func register(_ kind: (some ClipRule).Type) { add(kind, to: ClipRules.self) }
}

extension ClipRule {
  public var needs: ClipNeeds { [] }
  public static var usualTarget: ClipTarget { .gradient }
  public var order: NormOrder { .two }
  public var limit: Double? { nil }
  public func accepts(_ state: State, tensorCount: Int) -> Bool { true }
  public func decide(_ norms: StepNorms, _ state: inout State) -> ClipEffect { ClipEffect() }
  public func clip(
    _ gradient: inout FlatVector, weights: borrowing FlatVector, in part: TensorLayout.Part
  ) -> Double {
    gradient.squaredNorm(in: part.range)
  }
}

extension ClipRule where State == Stateless {
  public func initialState(tensorCount: Int) -> Stateless { Stateless() }
}

/// What a clip rule looks at besides the whole gradient's norm.
public struct ClipNeeds: OptionSet, Sendable {
  public let rawValue: Int
  public init(rawValue: Int) { self.rawValue = rawValue }

  /// The norm of each tensor; the rule may give each a factor.
  public static let tensorNorms = ClipNeeds(rawValue: 1)
  /// How many elements each tensor has, which recorded norms do not say.
  public static let tensorSizes = ClipNeeds(rawValue: 2)
  /// The elements themselves: ``ClipRule/clip(_:weights:in:)`` is called, and the norm after it is
  /// reduced in the ledger.
  public static let elements = ClipNeeds(rawValue: 4)
  /// The optimiser's running mean of g², element by element, with ``elements``: an optimiser that
  /// has none is refused.
  public static let secondMoment = ClipNeeds(rawValue: 8)
  /// The largest magnitude of each tensor before elements are clipped, with ``elements``: one small
  /// allreduce more. ``ClipRule/limits(ofLargest:_:)`` is called, and what its limits leave is
  /// measured.
  public static let largestElements = ClipNeeds(rawValue: 16)
}

/// The norms of a step's mean gradient, before clipping; all finite.
public struct StepNorms: Sendable {
  private enum Source: Sendable {
    case ledger(NormLedger)
    case values([Double])
  }

  /// The whole gradient's, in the rule's order.
  public let whole: Double
  /// Elements of each tensor.
  public let sizes: [Int]
  private let source: Source

  public init(_ ledger: NormLedger, order: NormOrder, sizes: [Int]) {
    (whole, self.sizes, source) = (ledger.norm(order), sizes, .ledger(ledger))
  }

  public init(whole: Double, tensors: [Double], sizes: [Int]) {
    (self.whole, self.sizes, source) = (whole, sizes, .values(tensors))
  }

  /// Each tensor's L2 norm.
  public var tensors: [Double] {
    switch source {
    case .ledger(let ledger): (0..<ledger.tensorCount).map { ledger.norm(ofTensor: $0) }
    case .values(let norms): norms
    }
  }

  /// Each tensor's largest magnitude before clipping, and its L2 norm after its elements were
  /// clipped: for rules that need ``ClipNeeds/largestElements``.
  public var largestElements: [Double] { ledgerValues { $0[largestOfTensor: $1] } }
  public var tensorsLeft: [Double] { ledgerValues { $0[.appliedSquares, $1].squareRoot() } }

  private func ledgerValues(_ value: (NormLedger, Int) -> Double) -> [Double] {
    guard case .ledger(let ledger) = source else { fatalError("norms alone have no elements") }
    return (0..<ledger.tensorCount).map { value(ledger, $0) }
  }
}

/// What a rule makes of a step.
public struct ClipEffect: Sendable, Equatable {
  public var factors: ClipFactors
  /// The limit that the norm was compared with, if there is one for the whole gradient.
  public var threshold: Double?
  /// Whether the gradient counts as clipped; nil: where a factor is below 1.
  public var acts: Bool?

  public init(_ factors: ClipFactors = .uniform(1), threshold: Double? = nil, acts: Bool? = nil) {
    (self.factors, self.threshold, self.acts) = (factors, threshold, acts)
  }

  /// Whether the gradient counts as clipped, as far as the factors show it.
  var isClip: Bool { acts ?? factors.shortens }

  /// The whole gradient scaled to a limit, by PyTorch's coefficient; nil leaves it as it is.
  public init(limiting norm: Double, to limit: Double?) {
    self.init(.uniform(limit.map { clipCoefficient(norm: norm, limit: $0) } ?? 1), threshold: limit)
  }
}

/// One factor for all tensors, or one for each.
public enum ClipFactors: Sendable, Equatable {
  case uniform(Double)
  case perTensor([Double])

  /// The factor for a tensor.
  public func factor(ofTensor tensor: Int) -> Double {
    switch self {
    case .uniform(let factor): factor
    case .perTensor(let factors): factors[tensor]
    }
  }

  /// The one factor, where there is one.
  public var common: Double? { if case .uniform(let factor) = self { factor } else { nil } }

  /// Whether any tensor is shortened.
  var shortens: Bool {
    switch self {
    case .uniform(let factor): factor < 1
    case .perTensor(let factors): factors.contains { $0 < 1 }
    }
  }
}

/// PyTorch's coefficient, `min(1, limit / (norm + 1e-6))`: runs compare number for number.
public func clipCoefficient(norm: Double, limit: Double) -> Double { min(1, limit / (norm + 1e-6)) }

/// Where the clip acts.
public enum ClipScope: String, CaseIterable, Sendable {
  /// On the mean gradient, by its exact norm.
  case meanGradient = "mean-gradient"
  /// On each rank's gradient before the reduction, by its own norm.
  case worker
  /// On the mean gradient, by √L ≥ ‖g‖, which is known before the gradients are summed.
  case bound
  /// On each sample's gradient, by its own norm, before the mean is taken.
  case sample
}
