import ExperimentKeys
import GradientNorms
import Optimizers
import Recording

// Where a clip of the gradient cannot do what it is for.
extension TrainerSettings {
  /// Whether the clip is a factor on whole gradients, in front of an optimiser whose steps have the
  /// same length for gradients of any length.
  private var clipActsThroughMomentum: Bool {
    optimizer.normalizes && clipTarget == .gradient && !clip.needs.contains(.elements)
      && !(clip is NoClip)
  }

  /// What the user is to know at the start of such a run; nil elsewhere.
  package var clipNote: String? {
    guard clipActsThroughMomentum else { return nil }
    return
      "clip.rule \"\(type(of: clip).kind)\": a step of optimizer.kind \"\(type(of: optimizer).kind)\" is equally long for gradients of any length, so the clip acts through momentum only: it weighs a gradient against those before it"
  }

  /// A sentence for the report where the clip acted on nearly every step, `fraction` of `steps`; nil
  /// elsewhere, and for the rule that acts on all by its definition.
  package func starvingClip(_ fraction: Double, of steps: Int) -> String? {
    guard fraction >= Self.starvingFraction, steps >= Self.leastSteps, clipTarget == .gradient,
      !(clip is NormalizeClip)
    else { return nil }
    let share = "The clip acted on \(NumberFormat.percent(fraction)) of the steps"
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
