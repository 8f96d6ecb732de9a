/// A scaling law that a study asks about: what was fitted, if anything was, and the evidence for
/// it.
public struct FittedLaw: Sendable, Equatable {
  public let law: ScalingLaw
  /// Nil where the verdict is ``Evidence/Verdict/none``.
  public let fit: ScalingFit?
  public let evidence: Evidence

  /// Fits to (ranks, samples a second) pairs of ranks that did not have to take turns.
  ///
  /// It takes a rank count more than there are numbers to fit, so that each can be left out once
  /// and predicted from the others.
  public init(_ law: ScalingLaw, _ points: [(ranks: Int, throughput: Double)]) {
    self.law = law
    let counts = Set(points.map(\.ranks)).sorted()
    let numbers = law.coefficientNames.count + 1
    guard counts.count > numbers, let fit = ScalingFit(law, points) else {
      self.fit = nil
      evidence = Evidence(
        points: points.count, rankCounts: counts.count,
        missing:
          "measured at \(counts.count) rank count\(counts.count == 1 ? "" : "s") that \(counts.count == 1 ? "is" : "are") not oversubscribed, "
          + "and its \(numbers) numbers take \(numbers + 1)")
      return
    }
    let heldOut = counts.compactMap { left -> (predicted: Double, measured: Double)? in
      guard let fit = ScalingFit(law, points.filter { $0.ranks != left }),
        let measured = Quartiles(points.filter { $0.ranks == left }.map(\.throughput))?.median
      else { return nil }
      return (fit.throughput(left), measured)
    }
    var evidence = Evidence(
      points: points.count, rankCounts: counts.count, degreesOfFreedom: points.count - numbers,
      heldOut: heldOut)
    for (name, estimate) in zip(law.coefficientNames, fit.coefficients)
    where evidence.verdict != .none {
      // Half of all that a fraction can be says nothing.
      guard let interval = estimate.interval() else {
        evidence.lower(to: .weak, "\(name) has no interval")
        continue
      }
      let width = interval.upperBound - interval.lowerBound
      if estimate.bounds?.upperBound == 1 && width > 0.5 {
        evidence.lower(to: .weak, "\(name) may be nearly anything from 0 to 1")
      }
    }
    self.evidence = evidence
    self.fit = evidence.verdict == .none ? nil : fit
  }
}
