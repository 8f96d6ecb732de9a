import ExperimentKeys

/// `clip.rule = "rms"`: each tensor xₖ is limited to a root mean square: xₖ ← xₖ / max(1,
/// RMS(xₖ)/limit), by default of the update (Shazeer and Stern 2018, Adafactor, arXiv 1804.04235,
/// section 6).
///
/// StableAdamW (Wortsman et al. 2023, arXiv 2304.13013) limits by another vector, g/√v with the
/// step's own gradient g, and scales the rate by it.
public struct RMSClip: ClipRule, Equatable {
  public static let kind = "rms"
  public static let summary =
    "Each tensor by its root mean square, as Adafactor limits its updates: for `clip.of` update."
  public static let usualTarget = ClipTarget.update
  /// d
  public var rootMeanSquare: Double

  public init(limit rootMeanSquare: Double = 1) { self.rootMeanSquare = rootMeanSquare }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    rootMeanSquare = try keys.clipLimit(
      "max_rms", default: 1, "the largest root mean square of a tensor's elements")
  }

  public var needs: ClipNeeds { [.tensorNorms, .tensorSizes] }

  public func decide(_ norms: StepNorms, _ state: inout Stateless) -> ClipEffect {
    ClipEffect(
      .perTensor(
        zip(norms.tensors, norms.sizes).map { norm, size in
          1 / max(1, norm / Double(size).squareRoot() / rootMeanSquare)
        }))
  }
}
