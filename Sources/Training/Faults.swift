import GradientNorms
import GradientReduction
import Optimizers
import Vectors

/// Where tests and `lockstep verify` put a fault into a rank; nil everywhere in use.
package struct Faults {
  /// Called with a part's gradient (a rank's, or in reproducible mode a micro-batch's) before it is
  /// measured, and the step.
  package var changeGradient: ((inout FlatVector, Int) -> Void)?
  /// Called with this rank's ledger before the reduction.
  package var changeLedger: ((inout NormLedger, Int) -> Void)?
  /// Called with the weights after the update; all of a node's ranks see what it does to weights
  /// that they share.
  package var changeWeights: ((inout FlatVector, Int) -> Void)?
  /// Called with a micro-batch as it was read, its samples' positions in the global batch, and the
  /// step; on every rank alike.
  package var changeSamples: ((borrowing Batch, Range<Int>, Int) -> Void)?
  /// Called with this rank's gradient when its norm is measured, before the ranks' are summed, and
  /// the step.
  package var changeSent: ((inout FlatVector, Int) -> Void)?
  /// Called with this rank's part of the optimiser's state after the step.
  package var changeOptimizer: ((inout Optimizer, Int) -> Void)?
  /// What the learning rate of a step is multiplied by; on every rank alike.
  package var rateFactor: ((Int) -> Double)?

  /// None.
  package init() {}
}

/// Puts faults into a rank's steps.
final class FaultInjector: StepObserver {
  var faults: Faults

  init(_ faults: Faults) { self.faults = faults }

  var changesGradients: Bool { faults.changeGradient != nil || faults.changeSent != nil }

  func read(_ batch: borrowing Batch, positions: Range<Int>, in step: Int) {
    faults.changeSamples?(batch, positions, step)
  }

  func computed(_ gradient: inout FlatVector, loss: Double, in step: Int) {
    faults.changeGradient?(&gradient, step)
  }

  func leaving(_ gradient: inout FlatVector, in step: Int) { faults.changeSent?(&gradient, step) }

  func rateFactor(in step: Int) -> Double { faults.rateFactor?(step) ?? 1 }

  func updated(_ optimizer: inout Optimizer, in step: Int) {
    faults.changeOptimizer?(&optimizer, step)
  }

  func closing(_ ledger: inout NormLedger, in step: Int) { faults.changeLedger?(&ledger, step) }

  func stepping(_ weights: inout FlatVector, after step: Int) {
    faults.changeWeights?(&weights, step)
  }
}

/// Makes a rank compute so many times longer than it does, as one on a slower machine.
final class Straggler: StepObserver {
  private let factor: Double
  private var begun: UInt64 = 0

  init(factor: Double) { self.factor = factor }

  func microBatchBegan() { begun = monotonicNanoseconds() }

  func microBatchEnded() {
    wait(until: begun + UInt64(factor * Double(monotonicNanoseconds() - begun)))
  }
}
