import Coordination
import Data
import GradientNorms
import MPI
import Models
import Optimizers
import Vectors

extension Trainer {
  /// Leaves wᵢ gᵢ in `gradient`, or with the exchange, and this rank's part in the ledger. Returns this rank's loss and the norm of its gradient.
  func differentiate(
    _ draw: Draw, into ledger: inout NormLedger, on world: borrowing Communicator, clock: inout PhaseClock
  ) throws -> (loss: Double, norm: Double) {
    if let ascent = experiment.regularization.ascent {
      return try differentiateAbove(ascent, draw, into: &ledger, on: world, clock: &clock)
    }
    let parts = passOver(draw, clock: &clock)
    if judge.scope == .worker { try clipOwn(parts, draw, into: &ledger, on: world) }
    return contribute(parts, losses: parts, draw, into: &ledger)
  }

  /// One part of this rank's share: its samples, the sum of its losses, and its gradient's weighted squares by tensor.
  struct Part {
    var samples: Int
    var loss: Double
    var squares: [Double]
  }

  /// Differentiates this rank's micro-batches at the weights as they are. A part is the whole share or, where they are told apart, a micro-batch.
  func passOver(_ draw: Draw, clock: inout PhaseClock) -> [Part] {
    let apart = exchange.takesMicroBatches || experiment.measuresMicroBatches
    let scale = 1 / Float(draw.total)
    let tensors = model.layout
    var parts: [Part] = []
    var whole = Part(samples: draw.mine.count, loss: 0, squares: [Double](repeating: 0, count: tensors.segments.count))
    if draw.pieces.isEmpty { gradient.setToZero() }
    let order = indices(ofEpoch: draw.slice.epoch)
    let start = draw.slice.positions.lowerBound
    for (index, piece) in draw.pieces.enumerated() {
      data.train.fill(&batch, with: order[start + piece.lowerBound..<start + piece.upperBound])
      clock.lap(.data)
      let isComplete = apart || index == draw.pieces.count - 1
      if apart && index > 0 && microGradient == nil && !exchange.takesMicroBatches { microGradient = FlatVector(zeros: tensors) }
      let usesScratch = apart && index > 0 && !exchange.takesMicroBatches
      // A tensor's gradient is squared as soon as it is complete, while it is in cache.
      func measure(_ tensor: Int, _ gradient: inout FlatVector) {
        if isComplete && faults.changeGradient == nil { whole.squares[tensor] = gradient.squaredNorm(in: tensors.segments[tensor].range) }
      }
      let loss =
        usesScratch
        ? model.differentiate(batch, weights: weights, into: &microGradient!, scale: scale, accumulate: false, finished: measure)
        : model.differentiate(batch, weights: weights, into: &gradient, scale: scale, accumulate: index > 0 && !apart, finished: measure)
      if isComplete, let change = faults.changeGradient {
        if usesScratch { change(&microGradient!, stepsDone + 1) } else { change(&gradient, stepsDone + 1) }
        for (tensor, segment) in tensors.segments.enumerated() {
          whole.squares[tensor] = usesScratch ? microGradient!.squaredNorm(in: segment.range) : gradient.squaredNorm(in: segment.range)
        }
      }
      if apart { parts.append(Part(samples: piece.count, loss: loss, squares: whole.squares)) }
      if usesScratch { gradient.add(microGradient!) }
      if exchange.takesMicroBatches { exchange.add(&gradient, microBatch: draw.shares[draw.rank].lowerBound + index) }
      whole.loss += loss
      clock.lap(.compute)
    }
    return apart ? parts : [whole]
  }

  /// Enters parts in the ledger, with losses that an earlier pass may have measured.
  func contribute(_ parts: [Part], losses: [Part], _ draw: Draw, into ledger: inout NormLedger) -> (loss: Double, norm: Double) {
    var isFinite = true
    for (part, first) in zip(parts, losses) {
      let norm = ledger.contribute(
        samples: part.samples, of: draw.total, loss: first.loss, weightedSquares: part.squares, rank: draw.rank)
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
    // With micro-batches told apart, the root mean square of their norms stands for the rank's.
    let weighted = parts.reduce(0.0) { $0 + $1.squares.reduce(0, +) / Double(max($1.samples, 1)) }
    return (loss, (weighted / Double(draw.mine.count)).squareRoot() * Double(draw.total))
  }

  /// Scope `worker`: scales this rank's gradient to the limit before the reduction. At report steps the exact mean gradient is summed too, which shows
  /// the difference; one gradient exchange more.
  private func clipOwn(_ parts: [Part], _ draw: Draw, into ledger: inout NormLedger, on world: borrowing Communicator) throws {
    guard case .global(let maxNorm, _) = experiment.clip else { return }
    let measures = (stepsDone + 1) % experiment.report.every == 0 || stepsDone == 0
    if measures {
      if firstGradient == nil { firstGradient = FlatVector(zeros: model.layout) }
      firstGradient!.copy(from: gradient)
      try exchange.reduce(&firstGradient!, shares: draw.shares, on: world)
    }
    let squares = parts.reduce(0.0) { $0 + $1.squares.reduce(0, +) }
    guard squares > 0, draw.mine.count > 0 else { return }
    let norm = squares.squareRoot() * Double(draw.total) / Double(draw.mine.count)
    let factor = ClipRule.coefficient(norm: norm, limit: maxNorm)
    if factor < 1 { gradient.scale(by: factor, in: 0..<gradient.count) }
  }

  /// Measures, regularises and clips the mean gradient where this rank holds it; enters the squares of its own slice in the ledger.
  func finishGradient(into ledger: inout NormLedger) {
    let (owned, updated) = (exchange.owned, exchange.updated)
    let tensors = model.layout
    let regularization = experiment.regularization
    if regularization.changesMean {
      tensors.forEachGrain(of: owned) { ledger.add(gradient.squaredNorm(in: $1), to: .lossSquares) }
      if let mixture = regularization.ascent?.mixture, regularization.isSynchronized, mixture != 1 {
        gradient.combine(own: mixture, with: firstGradient!, times: 1 - mixture, in: updated)
      }
      if regularization.isCoupled {
        tensors.forEachGrain(of: updated) { _, grain in
          let penalty = gradient.addPenaltyGradient(of: weights, l1: regularization.l1, l2: regularization.coupledL2, in: grain)
          if owned.contains(grain.lowerBound) { ledger.add(penalty, to: .penalty) }
        }
      }
    }
    tensors.forEachGrain(of: owned) { tensor, grain in measure(tensor, grain, into: &ledger) }
    if experiment.clip.isElementwise {
      gradient.clipElements(experiment.clip, weights: weights, in: updated) { tensor, grain, squares in
        if owned.contains(grain.lowerBound) { ledger.add(squares, to: .appliedSquares, of: tensor) }
      }
    }
    if judge.scope == .worker, firstGradient != nil, (stepsDone + 1) % experiment.report.every == 0 || stepsDone == 0 {
      tensors.forEachGrain(of: owned) { _, grain in
        ledger.add(firstGradient!.squaredNorm(in: grain), to: .exactSquares)
        ledger.add(firstGradient!.product(with: gradient, in: grain), to: .exactProduct)
      }
    }
  }

  private func measure(_ tensor: Int, _ grain: Range<Int>, into ledger: inout NormLedger) {
    ledger.add(gradient.squaredNorm(in: grain), to: .squares, of: tensor)
    for order in layout.orders {
      switch order {
      case .infinity: ledger[largestOfTensor: tensor] = max(ledger[largestOfTensor: tensor], gradient.largestAbsolute(in: grain))
      case .power(let p): ledger.add(gradient.sumOfPowers(p, in: grain), to: .power(order), of: tensor)
      }
    }
    if layout.countsWeights { ledger.add(weights.squaredNorm(in: grain), to: .weightSquares, of: tensor) }
    if case .dog = experiment.optimizer { ledger.add(optimizer.squaredDistanceFromStart(of: weights, in: grain), to: .squaredDistance) }
  }
}
