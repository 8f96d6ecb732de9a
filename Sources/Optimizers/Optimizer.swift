import CVectorKernels
import ExperimentKeys
import Vectors

/// A rule and its state for the part of the weights that a rank updates.
///
/// Each rank of a sharded run owns the part it updates and keeps moments for no other, so they cost
/// 1/N of the memory. Every element is updated on its own: who owns it, and in how many pieces it
/// is updated, does not change a bit of the result. What a ``MatrixRule`` needs of a whole matrix
/// comes before, by its one owner.
public struct Optimizer: ~Copyable {
  public let rule: any OptimizerRule
  /// The rule, where it is one for matrices.
  private let matrixRule: (any MatrixRule)?
  /// The positions in the flat vector that this optimiser may update.
  public let owned: OwnedRanges
  /// The steps begun so far, by which AdamW corrects the bias of its moments.
  public private(set) var stepCount = 0
  /// One segment a moment, each over the owned ranges, one after another.
  private var moments: FlatVector
  /// From an element of one moment to the same of the next.
  private let momentStride: Int

  /// An optimiser at step 0 with moments of zero.
  public init(rule: any OptimizerRule, owning ranges: OwnedRanges) {
    self.rule = rule
    matrixRule = rule as? any MatrixRule
    owned = ranges
    var layout = TensorLayout()
    for name in rule.momentNames { layout.add(name, shape: [ranges.count]) }
    moments = FlatVector(zeros: layout)
    momentStride =
      layout.segments.count > 1
      ? layout.segments[1].range.lowerBound - layout.segments[0].range.lowerBound : 0
  }

  /// An optimiser at step 0 of one contiguous part.
  public init(rule: any OptimizerRule, owning range: Range<Int>) {
    self.init(rule: rule, owning: OwnedRanges(range))
  }

  /// Continues after a checkpoint's last step; the moments are restored through
  /// ``mutableMoment(_:)``.
  public mutating func restore(stepCount: Int) { self.stepCount = stepCount }

  /// Counts a step; comes before its first update.
  public mutating func beginStep() { stepCount += 1 }

  /// Updates the weights in `range`, a part of one of the owned ranges, with `factor` · gradient at the
  /// learning rate `rate`.
  ///
  /// `factor` is the clip coefficient: clipping costs no pass of its own. `trust` is the tensor's
  /// ratio under LARS and LAMB. Under LAMB `gradient` holds the direction that
  /// ``direct(_:weights:in:factor:by:without:)`` made of it. A step may update its range in several
  /// pieces, each element once.
  ///
  /// `other` is the rule with a weight decay of the tensor's own, where it has one. `idle` is the
  /// number of steps that passed the tensor over, by which its own are fewer.
  public mutating func update(
    _ weights: inout FlatVector, gradient: borrowing FlatVector, in range: Range<Int>, rate: Double,
    factor: Double = 1, trust: Double = 1, by other: (any OptimizerRule)? = nil,
    without idle: Int = 0
  ) -> UpdateNorms {
    guard !range.isEmpty else { return UpdateNorms() }
    precondition(stepCount > 0, "a step begins with beginStep()")
    if !owned.contains(range) { owned.refuse(range) }
    precondition(
      range.lowerBound >= 0 && range.upperBound <= weights.count
        && range.upperBound <= gradient.count,
      "\(range) lies outside weights of \(weights.count) and a gradient of \(gradient.count) elements"
    )
    let step = self.step(
      weights.base, gradient.base, range, rate: rate, factor: factor, trust: trust, without: idle)
    return if let other { other.update(step) } else { rule.update(step) }
  }

  private func step(
    _ weights: UnsafeMutablePointer<Float>, _ gradient: UnsafeMutablePointer<Float>,
    _ range: Range<Int>, rate: Double, factor: Double, trust: Double, without idle: Int
  ) -> UpdateStep {
    UpdateStep(
      count: range.count, weights: weights + range.lowerBound,
      gradient: gradient + range.lowerBound, factor: factor, rate: rate, trust: trust,
      number: stepCount - idle, moments: moments.base + owned.place(of: range.lowerBound),
      momentStride: momentStride)
  }

  /// The first half of a rule that needs its direction's norms (LAMB): takes factor·gradient into
  /// the moments and leaves the direction in its place. Returns the direction's squared norm, from
  /// which the caller makes the trust ratio.
  public mutating func direct(
    _ gradient: inout FlatVector, weights: borrowing FlatVector, in range: Range<Int>,
    factor: Double, by other: (any OptimizerRule)? = nil, without idle: Int = 0
  ) -> Double {
    guard rule.needs.contains(.directionNorms), !range.isEmpty else { return 0 }
    precondition(stepCount > 0, "a step begins with beginStep()")
    if !owned.contains(range) { owned.refuse(range) }
    precondition(
      range.upperBound <= weights.count && range.upperBound <= gradient.count,
      "\(range) lies outside the vectors")
    let step = self.step(
      weights.base, gradient.base, range, rate: 0, factor: factor, trust: 1, without: idle)
    return if let other { other.direct(step) } else { rule.direct(step) }
  }

  /// The first part of a ``MatrixRule``: takes factor·gradient of a matrix, all of which is owned,
  /// into the moments and leaves in its place what the direction is made of. Other rules do nothing.
  public mutating func accumulate(
    _ gradient: inout FlatVector, weights: borrowing FlatVector, matrix: TensorLayout.Segment,
    factor: Double
  ) {
    guard let rule = matrixRule, !matrix.range.isEmpty else { return }
    precondition(stepCount > 0, "a step begins with beginStep()")
    if !owned.contains(matrix.range) { owned.refuse(matrix.range) }
    rule.accumulate(
      step(
        weights.base, gradient.base, matrix.range, rate: 0, factor: factor, trust: 1, without: 0))
  }

  /// The second part: makes the direction of a matrix of what ``accumulate(_:weights:matrix:factor:)``
  /// left, in its place.
  public borrowing func direct(
    _ gradient: inout FlatVector, matrix: TensorLayout.Segment, in workspace: MatrixWorkspace
  ) {
    guard let rule = matrixRule, !matrix.range.isEmpty else { return }
    precondition(
      matrix.range.upperBound <= gradient.count, "\(matrix.range) is not in the gradient")
    let (rows, columns) = matrix.matrixShape
    rule.direct(
      MatrixStep(
        rows: rows, columns: columns, values: gradient.base + matrix.range.lowerBound,
        workspace: workspace))
  }

  /// Puts in the place of this rank's part of the weights those that evaluation uses, where the rule
  /// has others than training's.
  public borrowing func replaceByEvaluationWeights(_ weights: inout FlatVector) {
    guard rule.needs.contains(.evaluationWeights), !owned.isEmpty else { return }
    for (range, start) in owned.stored {
      rule.evaluationWeights(
        EvaluationPart(
          count: range.count, weights: weights.base + range.lowerBound, steps: stepCount,
          moments: moments.base + start, momentStride: momentStride))
    }
  }

  /// Keeps the weights a run starts from, where the rule needs them (DoG). Before the first step,
  /// unless the moments are restored.
  public mutating func remember(start weights: borrowing FlatVector) {
    guard rule.needs.contains(.startDistance) else { return }
    for (range, _) in owned.stored where !range.isEmpty {
      moment(0, at: range).update(from: weights.base + range.lowerBound, count: range.count)
    }
  }

  /// Σ(w − w₀)² over a part of one of the owned ranges.
  public borrowing func squaredDistanceFromStart(
    of weights: borrowing FlatVector, in range: Range<Int>
  ) -> Double {
    cvk_squared_distance(weights.base + range.lowerBound, moment(0, at: range), range.count)
  }

  /// Moment `index` of ``OptimizerRule/momentNames``, one element for each position of the owned
  /// ranges, in their order.
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

  /// The elements of moment `index` in some of the owned positions, copied in their order.
  public borrowing func elements(ofMoment index: Int, in part: OwnedRanges) -> [Float] {
    let whole = moments.base + moments.layout.segments[index].range.lowerBound
    return part.ranges.flatMap { range in
      range.isEmpty
        ? []
        : Array(
          UnsafeBufferPointer(start: whole + owned.place(of: range.lowerBound), count: range.count))
    }
  }

  /// The elements of moment `index`, copied.
  public borrowing func elements(ofMoment index: Int) -> [Float] {
    let range = moments.layout.segments[index].range
    return Array(UnsafeBufferPointer(start: moments.base + range.lowerBound, count: range.count))
  }

  private func moment(_ index: Int, at range: Range<Int>) -> UnsafeMutablePointer<Float> {
    moments.base + moments.layout.segments[index].range.lowerBound
      + owned.place(of: range.lowerBound)
  }
}
