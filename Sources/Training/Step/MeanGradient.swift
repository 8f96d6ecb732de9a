import Configuration
import GradientNorms
import GradientReduction
import MPI
import Optimizers
import Vectors

/// What is done to the mean gradient before the ledger is reduced: it is measured, regularised and
/// clipped element by element, each where this rank holds it.
struct MeanGradient {
  private let partition: ParameterPartition
  private let layout: LedgerLayout
  private let regularization: Experiment.Regularization
  private let clip: any ClipRule
  /// Whether the weights' distance from the start is measured.
  private let followsDistance: Bool
  private let observers: StepObservers

  init(
    _ partition: ParameterPartition, _ layout: LedgerLayout, _ settings: TrainerSettings,
    _ observers: StepObservers
  ) {
    (self.partition, self.layout, self.observers) = (partition, layout, observers)
    (regularization, clip) = (settings.regularization, settings.clip)
    followsDistance = settings.optimizer.needs.contains(.startDistance)
  }

  /// Enters what this rank's shard gives to the ledger; `squares` are those of the shard's parts as
  /// the reduction left them. Collective where norms of orders above 3 are measured, or
  /// largest elements clipped.
  func measure(
    _ gradient: inout FlatVector, squares: [Double], _ scheme: any GradientScheme,
    _ updater: ParameterUpdater, into ledger: inout NormLedger, on world: borrowing Communicator,
    limits: (_ ofLargest: [Double]) -> [Double]
  ) throws {
    var squares = squares
    if !observers.isEmpty { observers.entered(.first, ledger) }
    if regularization.changesMean {
      for (part, sum) in zip(partition.shardParts, squares) {
        ledger.add(sum, to: .lossSquares)
        observers.entered(part.range, ledger)
      }
      for range in partition.updated.ranges { scheme.mix(into: &gradient, in: range) }
      if regularization.isCoupled {
        addPenalty(to: &gradient, of: updater.parameters.weights, into: &ledger)
      }
      squares = gradient.squares(in: partition.shardParts)
    }
    if layout.orders.contains(where: \.needsUnit) {
      ledger.powerUnit = try powerUnit(gradient, on: world)
    }
    for (part, sum) in zip(partition.shardParts, squares) {
      ledger.add(sum, to: .squares, of: part.tensor)
      if layout.measuresMore { measureMore(part, of: gradient, updater, into: &ledger) }
      observers.entered(part.range, ledger)
    }
    if clip.needs.contains(.elements) {
      let largest =
        clip.needs.contains(.largestElements) ? try largestElements(gradient, on: world) : []
      clipElements(of: &gradient, updater, into: &ledger, largest, limits)
    }
    scheme.compare(gradient, in: partition.shardParts, with: &ledger)
  }

  /// Clips element by element, and enters the squares that the shard has after it.
  private func clipElements(
    of gradient: inout FlatVector, _ updater: ParameterUpdater, into ledger: inout NormLedger,
    _ largest: [Double], _ limits: ([Double]) -> [Double]
  ) {
    func enter(_ part: TensorLayout.Part, _ squares: Double) {
      if partition.shard.contains(part.range.lowerBound) {
        ledger.add(squares, to: .appliedSquares, of: part.tensor)
      }
      observers.entered(part.range, ledger)
    }
    let limits = largest.isEmpty ? [] : limits(largest)
    for range in partition.updated.ranges {
      if !largest.isEmpty {
        gradient.clipElements(to: limits, ofLargest: largest, in: range, counted: enter)
      } else if clip.needs.contains(.secondMoment) {
        updater.optimizer.withSecondMoment { moment, owned, step in
          gradient.clipElements(
            clip, secondMoment: moment, of: owned, inStep: step, in: range, counted: enter)
        }
      } else {
        gradient.clipElements(
          clip, weights: updater.parameters.weights, in: range, counted: enter)
      }
    }
  }

  /// The largest magnitude of each tensor of the mean gradient: one more allreduce, of 8 bytes a
  /// tensor.
  private func largestElements(
    _ gradient: borrowing FlatVector, on world: borrowing Communicator
  ) throws -> [Double] {
    var largest = [Double](repeating: 0, count: layout.tensorCount)
    for part in partition.shardParts {
      largest[part.tensor] = max(
        largest[part.tensor], gradient.largestAbsolute(in: part.range))
    }
    var values = largest.mutableSpan
    try world.allReduce(&values, .maximum)
    return largest
  }

  private func addPenalty(
    to gradient: inout FlatVector, of weights: borrowing FlatVector, into ledger: inout NormLedger
  ) {
    for (part, isInShard) in partition.updateParts {
      let penalty = gradient.addPenaltyGradient(
        of: weights, l1: regularization.l1, l2: regularization.coupledL2, in: part.range)
      if isInShard { ledger.add(penalty, to: .penalty) }
      observers.entered(part.range, ledger)
    }
  }

  /// The power of two next below the mean gradient's largest element: one more allreduce, of 8
  /// bytes, for norms of orders above 3.
  private func powerUnit(_ gradient: borrowing FlatVector, on world: borrowing Communicator) throws
    -> Double
  {
    var mine = 0.0
    for part in partition.shardParts { mine = max(mine, gradient.largestAbsolute(in: part.range)) }
    let largest = try world.allReduce(mine, .maximum)
    return largest > 0 && largest.isFinite ? largest.binade : 1
  }

  /// What only some experiments ask for: other norms, the weights' squares, their distance from the
  /// start.
  private func measureMore(
    _ part: TensorLayout.Part, of gradient: borrowing FlatVector, _ updater: ParameterUpdater,
    into ledger: inout NormLedger
  ) {
    let (tensor, range) = (part.tensor, part.range)
    for order in layout.orders {
      switch order {
      case .infinity:
        ledger[largestOfTensor: tensor] = max(
          ledger[largestOfTensor: tensor], gradient.largestAbsolute(in: range))
      case .power(let p):
        ledger.add(
          gradient.sumOfPowers(p, unit: order.needsUnit ? ledger.powerUnit : 1, in: range),
          to: .power(order), of: tensor)
      }
    }
    guard layout.countsWeights else { return }
    ledger.add(
      updater.parameters.weights.squaredNorm(in: range), to: .weightSquares, of: tensor)
    if followsDistance {
      ledger.add(updater.squaredDistanceFromStart(in: range), to: .squaredDistance)
    }
  }
}
