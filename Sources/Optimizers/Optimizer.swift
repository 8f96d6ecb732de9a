import CVectorKernels
import Vectors

/// A rule and its state for one contiguous part of the weights.
///
/// Each rank of a sharded run owns the part it updates and keeps moments for no other, so they cost 1/N of the memory. Every element is
/// updated on its own: who owns it, and in how many pieces it is updated, does not change a bit of the result.
public struct Optimizer: ~Copyable {
  public let rule: OptimizerRule
  /// The positions in the flat vector that this optimiser may update.
  public let owned: Range<Int>
  /// The steps begun so far, by which AdamW corrects the bias of its moments.
  public private(set) var stepCount = 0
  /// One segment a moment, each over the owned range.
  private var moments: FlatVector

  /// An optimiser at step 0 with moments of zero.
  public init(rule: OptimizerRule, owning range: Range<Int>) {
    switch rule {
    case .adamw(_, _, let epsilon, _), .lamb(_, _, let epsilon, _):
      // The zeros between tensors would become 0/0.
      precondition(Float(epsilon) > 0, "Adam needs an epsilon above zero")
    default: break
    }
    self.rule = rule
    owned = range
    var layout = TensorLayout()
    for name in rule.momentNames { layout.add(name, shape: [range.count]) }
    moments = FlatVector(zeros: layout)
  }

  /// Continues after a checkpoint's last step; the moments are restored through ``mutableMoment(_:)``.
  public mutating func restore(stepCount: Int) { self.stepCount = stepCount }

  /// Counts a step; comes before its first update.
  public mutating func beginStep() { stepCount += 1 }

  /// Updates the weights in `range`, a part of the owned range, with `factor` · gradient at the learning rate `rate`.
  ///
  /// `factor` is the clip coefficient: clipping costs no pass of its own. `trust` is the tensor's ratio under LARS and LAMB. Under LAMB `gradient`
  /// holds the direction that ``direct(_:weights:in:factor:)`` made of it. A step may update its range in several pieces, each element once.
  public mutating func update(
    _ weights: inout FlatVector, gradient: borrowing FlatVector, in range: Range<Int>, rate: Double, factor: Double = 1, trust: Double = 1
  ) -> UpdateNorms {
    guard !range.isEmpty else { return UpdateNorms() }
    precondition(stepCount > 0, "a step begins with beginStep()")
    precondition(
      owned.lowerBound <= range.lowerBound && range.upperBound <= owned.upperBound, "\(range) lies outside the owned \(owned)")
    precondition(
      range.lowerBound >= 0 && range.upperBound <= weights.count && range.upperBound <= gradient.count,
      "\(range) lies outside weights of \(weights.count) and a gradient of \(gradient.count) elements")
    let w = weights.base + range.lowerBound
    let g = gradient.base + range.lowerBound
    let factor = Float(factor)
    let norms =
      switch rule {
      case .sgd(let decay), .dog(let decay):
        cvk_sgd(w, g, range.count, Float(rate), factor, Float(decay))
      case .momentum(let coefficient, let decay):
        cvk_momentum(w, g, moment(0, at: range), range.count, Float(rate), factor, Float(coefficient), Float(decay))
      case .adamw(let beta1, let beta2, let epsilon, let decay):
        cvk_adamw(
          w, g, moment(0, at: range), moment(1, at: range), range.count, rate, factor, beta1, beta2, epsilon, decay,
          1 - power(beta1, stepCount), 1 - power(beta2, stepCount))
      case .lars(let coefficient, _, let decay):
        cvk_momentum(
          w, g, moment(0, at: range), range.count, Float(rate), factor * Float(trust), Float(coefficient), Float(decay * trust))
      case .lamb:
        cvk_sgd(w, g, range.count, Float(rate * trust), 1, 0)
      }
    return UpdateNorms(squaredChange: norms.update, squaredWeights: norms.weight)
  }

  /// LAMB's first half: takes factor·gradient into the moments and leaves the direction in its place. Returns the direction's squared norm, from
  /// which the caller makes the trust ratio.
  public mutating func direct(
    _ gradient: inout FlatVector, weights: borrowing FlatVector, in range: Range<Int>, factor: Double
  ) -> Double {
    guard case .lamb(let beta1, let beta2, let epsilon, let decay) = rule, !range.isEmpty else { return 0 }
    precondition(stepCount > 0, "a step begins with beginStep()")
    precondition(owned.lowerBound <= range.lowerBound && range.upperBound <= owned.upperBound, "\(range) lies outside the owned \(owned)")
    precondition(range.upperBound <= weights.count && range.upperBound <= gradient.count, "\(range) lies outside the vectors")
    return cvk_lamb_direction(
      weights.base + range.lowerBound, gradient.base + range.lowerBound, moment(0, at: range), moment(1, at: range), range.count, factor,
      beta1, beta2, epsilon, decay, 1 - power(beta1, stepCount), 1 - power(beta2, stepCount))
  }

  /// Keeps the weights a run starts from, where the rule needs them (DoG). Before the first step, unless the moments are restored.
  public mutating func remember(start weights: borrowing FlatVector) {
    guard case .dog = rule else { return }
    let kept = moment(0, at: owned)
    kept.update(from: weights.base + owned.lowerBound, count: owned.count)
  }

  /// Σ(w − w₀)² over a part of the owned range.
  public borrowing func squaredDistanceFromStart(of weights: borrowing FlatVector, in range: Range<Int>) -> Double {
    cvk_squared_distance(weights.base + range.lowerBound, moment(0, at: range), range.count)
  }

  /// Moment `index` of ``OptimizerRule/momentNames``, one element for each position of the owned range.
  @_lifetime(borrow self)
  public borrowing func moment(_ index: Int) -> Span<Float> {
    moments.elements.extracting(moments.layout.segments[index].range)
  }

  /// The same, to be filled from a checkpoint.
  @_lifetime(&self)
  public mutating func mutableMoment(_ index: Int) -> MutableSpan<Float> {
    let range = moments.layout.segments[index].range
    let span = MutableSpan(_unsafeStart: moments.base + range.lowerBound, count: range.count)
    return _overrideLifetime(span, mutating: &self)
  }

  private func moment(_ index: Int, at range: Range<Int>) -> UnsafeMutablePointer<Float> {
    moments.base + moments.layout.segments[index].range.lowerBound + (range.lowerBound - owned.lowerBound)
  }
}

/// base^exponent by repeated squaring: the same bits with every C library.
private func power(_ base: Double, _ exponent: Int) -> Double {
  var (result, square, left) = (1.0, base, exponent)
  while left > 0 {
    if left & 1 == 1 { result *= square }
    square *= square
    left >>= 1
  }
  return result
}
