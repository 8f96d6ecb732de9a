import GradientNorms
import Recording

/// What a step did, as every rank knows it, and this rank's part in it.
public struct StepOutcome {
  /// Counted from 1.
  public let step: Int
  public let epoch: Double
  /// Samples seen so far, over all ranks.
  public let samples: Int
  public let learningRate: Double
  /// Reduced over all ranks.
  public let ledger: NormLedger
  public let decision: StepDecision
  /// The noise scale's estimate with this step in it.
  public let noise: NoiseScale
  /// The same of each tensor, at report steps where that is recorded.
  public let layerNoise: TensorNoise?
  /// Every rank's samples of the step, as positions in the epoch's order, and the epoch, counted
  /// from 0.
  public let shares: [Range<Int>]
  public let epochIndex: Int
  /// This rank's samples of the step.
  public let share: Int
  /// This rank's sum of losses and the norm of its mean gradient; NaN where either is not finite.
  public let local: (loss: Double, norm: Double)
  /// The norms of single samples' gradients over all ranks, where they are reported.
  public let sampleNorms: SampleNorms?
  /// What raised an alarm and caused it, where there was one and it was looked into.
  public let incident: Incident?
  /// How far the clip of an inexact scope was from the exact one, where it was measured.
  public let bias: ClipBias?
  public let seconds: PhaseTimes
  public let totalSeconds: Double
}

/// What clipping before the reduction, or by a bound, did instead of clipping the mean gradient by
/// its norm.
public struct ClipBias: Sendable, Equatable {
  /// ‖applied − exact‖ / ‖exact‖
  public let relative: Double
  /// The cosine between the two.
  public let cosine: Double
}
