import ExperimentKeys

/// `clip.rule = "normalize"`: the gradient always gets the norm `norm`, longer or shorter.
public struct NormalizeClip: ClipRule, Equatable {
  public static let kind = "normalize"
  public static let summary = "Every gradient gets the same norm."
  public var norm: Double

  public init(norm: Double) { self.norm = norm }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    norm = try keys.clipLimit(
      "max_norm", default: 1, "what every gradient is scaled to, shorter ones too")
  }

  public func decide(_ norms: StepNorms, _ state: inout Stateless) -> ClipEffect {
    ClipEffect(.uniform(norm / (norms.whole + 1e-6)), threshold: norm, acts: true)
  }
}

extension ClipRule where Self == NormalizeClip {
  public static func normalize(norm: Double) -> NormalizeClip { NormalizeClip(norm: norm) }
}
