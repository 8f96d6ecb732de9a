import GradientNorms
import GradientReduction
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
}

/// Puts faults into a rank's steps.
final class FaultInjector: StepObserver {
  var faults: Faults

  init(_ faults: Faults) { self.faults = faults }

  var changesGradients: Bool { faults.changeGradient != nil }

  func computed(_ gradient: inout FlatVector, loss: Double, in step: Int) {
    faults.changeGradient?(&gradient, step)
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
