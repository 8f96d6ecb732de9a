/// How many steps a loss takes at each batch size: S = S_min·(1 + B_crit/B), which (S/S_min −
/// 1)(E/E_min − 1) = 1 is with E = B·S samples (McCandlish et al. 2018, arXiv 1812.06162).
public struct CriticalBatch: Sendable, Equatable {
  /// E_min/S_min: the batch at which twice the fewest steps and twice the fewest samples are
  /// needed.
  public let batch: Double
  /// S_min, the steps with a batch of any size.
  public let fewestSteps: Double

  /// What a run at one batch size and the noise scale on its way predict: the noise scale is the
  /// critical batch.
  public init(noiseScale: Double, steps: Double, batch: Double) {
    self.batch = noiseScale
    fewestSteps = steps / (1 + noiseScale / batch)
  }

  /// Fits S = S_min + E_min/B: a line in 1/B. Weighted by 1/S², so that every batch counts alike.
  /// Nil where the fitted numbers are not positive.
  public init?(_ points: [(steps: Double, samples: Double)]) {
    let rows = points.map { [1, $0.steps / $0.samples] }
    let steps = points.map(\.steps)
    guard let fit = LinearFit(rows: rows, values: steps, deviations: steps) else { return nil }
    let (fewestSteps, fewestSamples) = (fit.coefficients[0].value, fit.coefficients[1].value)
    guard fewestSamples > 0, fewestSteps > 0 else { return nil }
    batch = fewestSamples / fewestSteps
    self.fewestSteps = fewestSteps
  }

  /// Steps at a batch size by the law as other batches give it, with no number below 0: a law at
  /// its bounds, steps that do not fall at all or fall as 1/B, predicts as well. Nil with fewer than
  /// two batches.
  public static func predictedSteps(
    batch: Double, from points: [(steps: Double, samples: Double)]
  ) -> Double? {
    guard points.count >= 2 else { return nil }
    let steps = points.map(\.steps)
    return LinearFit.nonNegative(
      rows: points.map { [1, $0.steps / $0.samples] }, values: steps, deviations: steps
    )?.value([1, 1 / batch])
  }

  /// Steps to the loss at a batch size.
  public func steps(batch: Double) -> Double { fewestSteps * (1 + self.batch / batch) }
}
