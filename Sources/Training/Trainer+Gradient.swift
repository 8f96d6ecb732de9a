import Configuration
import GradientReduction
import Data
import FlightRecorder
import GradientNorms
import MPI
import Models
import Optimizers
import Vectors

extension Trainer {
  /// Leaves wᵢ gᵢ in `gradient`, or with the exchange, and this rank's part in the ledger. Returns
  /// this rank's loss and the norm of its gradient.
  func lossAndGradient(
    _ draw: StepBatches, into ledger: inout NormLedger, on world: borrowing Communicator,
    clock: inout PhaseClock
  ) throws -> (loss: Double, norm: Double) {
    if let ascent = experiment.regularization.ascent {
      return try samGradient(ascent, draw, into: &ledger, on: world, clock: &clock)
    }
    // A clip of each rank's own comes before the sum, and by the bound the ledger does.
    let parts = try accumulateGradients(draw, leaving: policy.scope == .meanGradient, clock: &clock)
    if !measuresNorms { return (0, 0) }
    if policy.scope == .worker { try clipOwn(parts, draw, into: &ledger, on: world) }
    return contribute(parts, losses: parts, draw, into: &ledger)
  }

  /// The squares of each owned part of a gradient that is the total already, one rank's alone. What
  /// the model's own pass has squared is not squared again.
  func ownSquares() -> [Double] { localSquares ?? gradient.squares(in: exchange.ownedParts) }

  /// One part of this rank's share: its samples, the sum of its losses, and its gradient's weighted
  /// squares by tensor.
  struct MicroBatchNorms {
    var samples: Int
    var loss: Double
    var squares: [Double]
  }

  /// Differentiates this rank's micro-batches at the weights as they are. A part is the whole share
  /// or, where they are measured separately, a micro-batch. `again` says that another pass over the
  /// same draw follows; `leaving`, that what is finished may be sent off at once: nothing changes
  /// it any more.
  func accumulateGradients(
    _ draw: StepBatches, again: Bool = false, leaving: Bool = false, clock: inout PhaseClock
  ) throws -> [MicroBatchNorms] {
    let apart = exchange.takesMicroBatches || experiment.measuresMicroBatches
    let scale = 1 / Float(draw.total)
    let tensors = model.layout
    var parts: [MicroBatchNorms] = []
    var whole = MicroBatchNorms(
      samples: draw.mine.count, loss: 0,
      squares: [Double](repeating: 0, count: tensors.segments.count))
    if draw.pieces.isEmpty { gradient.setToZero() }
    for (index, piece) in draw.pieces.enumerated() {
      try FlightRecorder.during(.data) { try read(index, of: draw, again: again) }
      clock.mark(.data)
      let isComplete = apart || index == draw.pieces.count - 1
      if apart && index > 0 && microGradient == nil && !exchange.takesMicroBatches {
        microGradient = FlatVector(zeros: tensors)
      }
      let usesScratch = apart && index > 0 && !exchange.takesMicroBatches
      let departure =
        leaving && !apart && isComplete && faults.changeGradient == nil ? departure : nil
      // A tensor's gradient is squared as soon as it is complete, while it is in cache.
      profile?.beginPass()
      func measure(_ tensor: Int, _ gradient: inout FlatVector) {
        FlightRecorder.advance()
        profile?.finished(tensor)
        if isComplete && measuresNorms && faults.changeGradient == nil {
          whole.squares[tensor] = gradient.squaredNorm(in: tensors.segments[tensor].range)
        }
        departure?.finished(tensor, &gradient)
      }
      func lossAndGradient() -> Double {
        usesScratch
          ? model.lossAndGradient(
            batch, weights: weights, into: &microGradient!, scale: scale, accumulate: false,
            finished: measure)
          : model.lossAndGradient(
            batch, weights: weights, into: &gradient, scale: scale, accumulate: index > 0 && !apart,
            finished: measure)
      }
      let begun = slowdown > 1 ? monotonicNanoseconds() : 0
      let loss = departure?.during(notingIn: profile, lossAndGradient) ?? lossAndGradient()
      if slowdown > 1 {
        wait(until: begun + UInt64(slowdown * Double(monotonicNanoseconds() - begun)))
      }
      if isComplete, let change = faults.changeGradient {
        if usesScratch {
          change(&microGradient!, stepsDone + 1)
        } else {
          change(&gradient, stepsDone + 1)
        }
        for (tensor, segment) in tensors.segments.enumerated() {
          whole.squares[tensor] =
            usesScratch
            ? microGradient!.squaredNorm(in: segment.range)
            : gradient.squaredNorm(in: segment.range)
        }
      }
      if apart {
        parts.append(MicroBatchNorms(samples: piece.count, loss: loss, squares: whole.squares))
      }
      if usesScratch { gradient.add(microGradient!) }
      tracer?.microBatch(gradient, loss: loss)
      if exchange.takesMicroBatches {
        exchange.add(&gradient, microBatch: draw.shares[draw.rank].lowerBound + index)
      }
      FlightRecorder.advance()
      whole.loss += loss
      clock.mark(.compute)
      if let departure { clock.moveToReduce(departure.takeSeconds()) }
    }
    localSquares = apart ? nil : whole.squares
    tracer?.endPass()
    return apart ? parts : [whole]
  }

  /// Enters parts in the ledger, with losses that an earlier pass may have measured.
  func contribute(
    _ parts: [MicroBatchNorms], losses: [MicroBatchNorms], _ draw: StepBatches,
    into ledger: inout NormLedger
  ) -> (loss: Double, norm: Double) {
    var isFinite = true
    tracer?.follow(ledger)
    for (part, first) in zip(parts, losses) {
      let norm = ledger.contribute(
        samples: part.samples, of: draw.total, loss: first.loss, weightedSquares: part.squares,
        rank: draw.rank)
      tracer?.enteredMicroBatch(ledger)
      guard let norm else {
        isFinite = false
        continue
      }
      if let expected = memory.noise.expectedSquares(samples: part.samples), expected > 0 {
        ledger.raise(.outlier, to: norm * norm / expected, rank: draw.rank)
      }
    }
    let loss = losses.reduce(0) { $0 + $1.loss }
    guard isFinite, draw.mine.count > 0 else { return (loss, isFinite ? 0 : .nan) }
    // With micro-batches measured separately, the root mean square of their norms stands for the
    // rank's.
    let weighted = parts.reduce(0.0) { $0 + $1.squares.reduce(0, +) / Double(max($1.samples, 1)) }
    return (loss, (weighted / Double(draw.mine.count)).squareRoot() * Double(draw.total))
  }

  /// Scope `worker`: scales this rank's gradient to the limit before the reduction. At report steps
  /// the exact mean gradient is summed too, which shows the difference; one gradient exchange more.
  private func clipOwn(
    _ parts: [MicroBatchNorms], _ draw: StepBatches, into ledger: inout NormLedger,
    on world: borrowing Communicator
  ) throws {
    guard let limit = experiment.clip.limit else { return }
    if measuresBias {
      if firstGradient == nil { firstGradient = try exchange.makeGradient(on: world) }
      firstGradient!.copy(from: gradient)
      _ = try exchange.reduce(&firstGradient!, shares: draw.shares, on: world)
    }
    let squares = parts.reduce(0.0) { $0 + $1.squares.reduce(0, +) }
    guard squares > 0, draw.mine.count > 0 else { return }
    let norm = squares.squareRoot() * Double(draw.total) / Double(draw.mine.count)
    let factor = clipCoefficient(norm: norm, limit: limit)
    if factor < 1 {
      gradient.scale(by: factor, in: 0..<gradient.count)
      localSquares = nil
    }
  }

  /// Measures, regularises and clips the mean gradient where this rank holds it; enters the squares
  /// of its own slice in the ledger.
  ///
  /// `squares` are those of the slice's parts as the exchange left them.
  func regularize(
    squares: [Double], into ledger: inout NormLedger, on world: borrowing Communicator
  ) throws {
    let regularization = experiment.regularization
    var squares = squares
    tracer?.follow(ledger)
    if regularization.changesMean {
      for (part, sum) in zip(exchange.ownedParts, squares) {
        ledger.add(sum, to: .lossSquares)
        tracer?.entered(part.range, ledger)
      }
      if let mixture = regularization.ascent?.mixture, regularization.isSynchronized, mixture != 1 {
        gradient.combine(
          own: mixture, with: firstGradient!, times: 1 - mixture, in: exchange.updated)
      }
      if regularization.isCoupled {
        for (part, isOwned) in updatedParts {
          let penalty = gradient.addPenaltyGradient(
            of: weights, l1: regularization.l1, l2: regularization.coupledL2, in: part.range)
          if isOwned { ledger.add(penalty, to: .penalty) }
          tracer?.entered(part.range, ledger)
        }
      }
      squares = gradient.squares(in: exchange.ownedParts)
    }
    if layout.orders.contains(where: \.needsUnit) { ledger.powerUnit = try powerUnit(on: world) }
    for (part, sum) in zip(exchange.ownedParts, squares) {
      ledger.add(sum, to: .squares, of: part.tensor)
      if layout.measuresMore { measureExtraNorms(part, into: &ledger) }
      tracer?.entered(part.range, ledger)
    }
    if experiment.clip.needs.contains(.elements) {
      let owned = exchange.owned
      gradient.clipElements(experiment.clip, weights: weights, in: exchange.updated) {
        part, squares in
        if owned.contains(part.range.lowerBound) {
          ledger.add(squares, to: .appliedSquares, of: part.tensor)
        }
        tracer?.entered(part.range, ledger)
      }
    }
    if measuresBias {
      for part in exchange.ownedParts {
        ledger.add(firstGradient!.squaredNorm(in: part.range), to: .exactSquares)
        ledger.add(firstGradient!.product(with: gradient, in: part.range), to: .exactProduct)
      }
    }
  }

  /// Whether this step compares the ranks' own clip with the exact one.
  private var measuresBias: Bool {
    policy.scope == .worker && (stepsDone == 0 || (stepsDone + 1) % experiment.report.every == 0)
  }

  /// The power of two next below the mean gradient's largest element: one more allreduce, of 8
  /// bytes, for norms of orders above 3.
  private func powerUnit(on world: borrowing Communicator) throws -> Double {
    let mine = exchange.ownedParts.reduce(0.0) { max($0, gradient.largestAbsolute(in: $1.range)) }
    let largest = try world.allReduce(mine, .maximum)
    return largest > 0 && largest.isFinite ? largest.binade : 1
  }

  /// What only some experiments ask for: other norms, the weights' squares, their distance from the
  /// start.
  private func measureExtraNorms(_ part: TensorLayout.Part, into ledger: inout NormLedger) {
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
    ledger.add(weights.squaredNorm(in: range), to: .weightSquares, of: tensor)
    if experiment.optimizer.needs.contains(.startDistance) {
      ledger.add(optimizer.squaredDistanceFromStart(of: weights, in: range), to: .squaredDistance)
    }
  }
}
