import GradientNorms
import Vectors

/// Where tests and `lockstep verify` put a fault into a rank; nil everywhere in use.
public struct Faults {
  /// Called with a part's gradient (a rank's, or in reproducible mode a micro-batch's) before it is
  /// measured, and the step.
  public var changeGradient: ((inout FlatVector, Int) -> Void)?
  /// Called with this rank's ledger before the reduction.
  public var changeLedger: ((inout NormLedger, Int) -> Void)?
  /// Called with the weights after the update; all of a node's ranks see what it does to weights
  /// that they share.
  public var changeWeights: ((inout FlatVector, Int) -> Void)?
}
