/// The time of a training step at any number of ranks: what a rank does by itself, and the
/// exchange.
public struct StepModel: Sendable, Equatable {
  /// Seconds a step that a rank spends by itself whatever its share, and seconds a sample of its
  /// share.
  public var fixed: Double
  public var perSample: Double
  public var exchange: ExchangeModel

  public init(fixed: Double, perSample: Double, exchange: ExchangeModel) {
    (self.fixed, self.perSample, self.exchange) = (fixed, perSample, exchange)
  }

  /// Fits the seconds that ranks spent by themselves to their shares of samples. With one share
  /// only, all of it counts as proportional.
  public init?(own points: [(samples: Double, seconds: Double)], exchange: ExchangeModel) {
    let seconds = points.map(\.seconds)
    guard !points.isEmpty, seconds.allSatisfy({ $0 > 0 }) else { return nil }
    let both = Set(points.map(\.samples)).count > 1
    let rows = points.map { both ? [1, $0.samples] : [$0.samples] }
    guard let fit = LinearFit.nonNegative(rows: rows, values: seconds, deviations: seconds) else {
      return nil
    }
    let c = fit.coefficients.map(\.value)
    self.init(fixed: both ? c[0] : 0, perSample: c.last!, exchange: exchange)
  }

  /// The seconds of a step in which a rank spends `own` by itself.
  ///
  /// A gradient that leaves during the backward pass, two thirds of `own`, is hidden behind it, but
  /// for a quarter: measured between two hosts at 1 Gbit/s, 71 to 76 % of it were.
  public func seconds(own: Double, _ pattern: ExchangePattern, _ step: ExchangePattern.Step)
    -> Double
  {
    let (reduce, publish) = (exchange.seconds(step.reduce), exchange.seconds(step.publish))
    return own + publish + (pattern.isEarly ? max(reduce / 4, reduce - own * 2 / 3) : reduce)
  }

  public func own(samples: Double) -> Double { fixed + perSample * samples }
}
