import ExperimentKeys
import GradientNorms
import Optimizers
import Recording

// Where a clip cannot do what it is for.
extension TrainerSettings {
  /// Whether the clip is a factor on whole gradients, in front of an optimiser whose steps have the
  /// same length for gradients of any length.
  private var clipActsThroughMomentum: Bool {
    optimizer.normalizes && clipTarget == .gradient && !clip.needs.contains(.elements)
      && !(clip is NoClip)
  }

  /// Whether the clip is a fixed limit of updates that all have the same length.
  private var clipCutsAllOrNone: Bool {
    optimizer.normalizes && clipTarget == .update && (clip.limit != nil || clip is RMSClip)
  }

  /// What the user is to know at the start of a run whose clip cannot act on single steps; nil
  /// elsewhere.
  package var clipNote: String? {
    let kind = "optimizer.kind \"\(type(of: optimizer).kind)\""
    if clipCutsAllOrNone {
      return
        "clip.of \"update\": updates of \(kind) are about equally long in every step, so the limit shortens nearly all of them or none, as a lower learning rate would"
    }
    guard clipActsThroughMomentum else { return nil }
    return
      "clip.rule \"\(type(of: clip).kind)\": a step of \(kind) is equally long for gradients of any length, so the clip acts through momentum only: it weighs a gradient against those before it"
  }

  /// A sentence for the report where the clip acted on nearly every step, `fraction` of `steps`; nil
  /// elsewhere, and for the rule that acts on all by its definition.
  package func starvingClip(_ fraction: Double, of steps: Int) -> String? {
    guard fraction >= Self.starvingFraction, steps >= Self.leastSteps, !(clip is NormalizeClip)
    else { return nil }
    let share = "The clip acted on \(NumberFormat.percent(fraction)) of the steps"
    if clipTarget == .update {
      return
        "\(share) and shortens what the optimizer makes of the gradient: the limit sets a step's length. Raise the limit, or lower the learning rate in its place."
    }
    if clipActsThroughMomentum || optimizer.isAdaptive {
      return
        "\(share), but a step of optimizer.kind \"\(type(of: optimizer).kind)\" is about equally long for gradients of any length: it only evens out the gradients' weights."
    }
    return
      "\(share) and starves the optimizer: the limit sets a step's length, whatever the gradient's. Raise the limit, or lower the learning rate in its place."
  }

  /// The share of steps from which on a clip is not for rare gradients any more.
  private static let starvingFraction = 0.9
  /// Of fewer steps the share says little.
  private static let leastSteps = 20
}
