import ExperimentKeys
import Glibc

/// `schedule.kind = "adascale"`: the gain of a batch S times the base batch, r = (σ² + μ²)/(σ²/S +
/// μ²) between 1 and S, to a power: 1 for SGD, ½ for Adam (Johnson et al. 2020, AdaScale, arXiv
/// 2007.05105; σ² = trΣ/base, μ² = |G|²).
public struct AdaScaleRate: RateRule, Equatable {
  public static let kind = "adascale"
  public static let summary =
    "The gain of a large batch, from the noise scale, is a factor on the rate (AdaScale)."
  public var baseBatch: Int
  public var power: Double

  public struct State: Codable, Sendable, Equatable {
    var factor = 1.0
    /// Scale-invariant steps: the sum of the gains.
    public internal(set) var progress = 0.0
  }

  public init(baseBatch: Int, power: Double) {
    (self.baseBatch, self.power) = (baseBatch, power)
  }

  public init(_ keys: inout ExperimentReader, for run: RateContext) throws(ExperimentError) {
    baseBatch = try keys.integer(
      "base_batch", default: max(1, run.globalBatch / 8), in: 1...(1 << 30),
      "the batch that the rate was chosen for; by default an eighth of the global batch")
    power = run.isAdaptive ? 0.5 : 1
  }

  public var initialState: State { State() }
  public var stateSettings: [String] { ["base_batch = \(baseBatch)"] }

  public func factor(_ ledger: NormLedger, _ noise: NoiseScale, _ state: inout State) -> Double {
    let gain = gain(noise, batch: ledger.samples)
    state.progress += gain
    state.factor = power == 1 ? gain : power == 0.5 ? gain.squareRoot() : pow(gain, power)
    return state.factor
  }

  public func factorInForce(_ state: State) -> Double { state.factor }

  /// 1 where the noise is not resolved. A batch below the base batch, an epoch's last, has a gain
  /// between S and 1.
  private func gain(_ noise: NoiseScale, batch: Double) -> Double {
    guard let signal = noise.signal, let variance = noise.variance, variance > 0 else { return 1 }
    let (sigma, mu) = (variance / Double(baseBatch), max(signal, 0))
    let scale = batch / Double(baseBatch)
    return (sigma + mu) / (sigma / scale + mu)
  }
}

extension RateRule where Self == AdaScaleRate {
  public static func adascale(baseBatch: Int, power: Double) -> AdaScaleRate {
    AdaScaleRate(baseBatch: baseBatch, power: power)
  }
}
