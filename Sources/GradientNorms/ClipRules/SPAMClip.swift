import ExperimentKeys
import Glibc
import Vectors

/// `clip.rule = "spam"`: elements with gⱼ² > threshold·vⱼ become sign(gⱼ)·√(threshold·vⱼ), v being
/// the optimiser's mean square before the step; every `resetEvery` steps its moments begin at 0
/// again, and the rate is warmed up (Huang et al. 2025, SPAM, arXiv 2501.06842, and its code).
///
/// As in the code, the moments' bias correction counts on through a reset. An element whose v is 0
/// had no gradient since the reset: it is left as it is, since it would stay 0 for ever.
public struct SPAMClip: ClipRule, Equatable {
  public static let kind = "spam"
  public static let summary =
    "SPAM: each element by the optimiser's mean of its squares; moments begin anew at intervals."
  /// θ
  public var threshold: Double
  /// ΔT; 0 for never.
  public var resetEvery: Int
  /// N
  public var warmup: Int
  /// Steps after the start, and after each reset, in which v is not yet relied on.
  public var settling: Int

  /// The paper's defaults.
  public init(
    threshold: Double = 5000, resetEvery: Int = 500, warmup: Int = 150, settling: Int = 20
  ) {
    (self.threshold, self.resetEvery) = (threshold, resetEvery)
    (self.warmup, self.settling) = (warmup, settling)
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    threshold = try keys.clipLimit(
      "threshold", default: 5000,
      "how many times the optimiser's mean of an element's squares its square may be")
    resetEvery = try keys.integer(
      "reset_every", default: 500, in: 0...(1 << 30),
      "steps of the optimiser between two resets of its moments to 0; 0 for none")
    warmup = try keys.integer(
      "warmup_steps", default: 150, in: 0...(1 << 20),
      "steps from a reset on in which the learning rate, and the optimiser's weight decay with it, rises by a cosine from a hundredth"
    )
    settling = try keys.integer(
      "settle_steps", default: 20, in: 1...(1 << 20),
      "steps from the start, and from each reset on, in which nothing is clipped")
  }

  public var needs: ClipNeeds { [.elements, .secondMoment] }

  /// The steps from the last reset, or the start, to a step.
  private func age(_ step: Int) -> Int { resetEvery > 0 ? step % resetEvery : step }

  public func clip(
    _ gradient: inout FlatVector, secondMoment: Span<Float>, inStep step: Int,
    in part: TensorLayout.Part
  ) -> Double {
    guard age(step) >= settling else { return gradient.squaredNorm(in: part.range) }
    let elements = gradient.base + part.range.lowerBound
    for index in 0..<part.range.count {
      let (value, limit) = (Double(elements[index]), threshold * Double(secondMoment[index]))
      if limit > 0 && value * value > limit {
        elements[index] = Float(value > 0 ? limit.squareRoot() : -limit.squareRoot())
      }
    }
    return gradient.squaredNorm(in: part.range)
  }

  public func restart(inStep step: Int) -> MomentRestart {
    guard resetEvery > 0, step >= resetEvery else { return MomentRestart() }
    let age = age(step)
    // What a cosine takes from 0.99 to 0 in `warmup` + 1 steps is missing from the rate.
    let missing =
      age < warmup ? 0.99 * 0.5 * (1 + cos(.pi * Double(age) / Double(warmup + 1))) : 0
    return MomentRestart(resets: age == 0, rate: 1 - missing)
  }
}
