import ExperimentKeys

/// `clip.rule = "global"`: the whole gradient is scaled so that its norm is at most `maxNorm`
/// (Pascanu et al. 2013, arXiv 1211.5063).
public struct GlobalClip: ClipRule, Equatable {
  public static let kind = "global"
  public static let summary =
    "By the norm of the whole gradient: min(1, max_norm / (norm + 10⁻⁶)), PyTorch's."
  public var maxNorm: Double
  public var order: NormOrder

  public init(maxNorm: Double, order: NormOrder = .two) {
    (self.maxNorm, self.order) = (maxNorm, order)
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    maxNorm = try keys.clipLimit("max_norm", default: 1, "the longest that a gradient may be")
    order = try keys.order("order", "p of the norm that is measured")
  }

  public var limit: Double? { maxNorm }

  public func decide(_ norms: StepNorms, _ state: inout Stateless) -> ClipEffect {
    ClipEffect(limiting: norms.whole, to: maxNorm)
  }
}

extension ClipRule where Self == GlobalClip {
  public static func global(maxNorm: Double, order: NormOrder = .two) -> GlobalClip {
    GlobalClip(maxNorm: maxNorm, order: order)
  }
}

extension ExperimentReader {
  /// A number above 0 that a rule of `[clip]` limits something to.
  mutating func clipLimit(_ key: String, default fallback: Double, _ help: String)
    throws(ExperimentError) -> Double
  {
    try number(key, default: fallback, wanted: "a finite number above 0", help) { $0 > 0 }
  }

  /// The weight of the past in a running mean of `[clip]`.
  mutating func clipMemory(default fallback: Double, _ help: String) throws(ExperimentError)
    -> Double
  {
    try number("memory", default: fallback, in: 0..<1, help)
  }
}
