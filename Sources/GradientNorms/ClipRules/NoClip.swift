import ExperimentKeys

/// `clip.rule = "none"`: gradients stay as they are.
public struct NoClip: ClipRule, Equatable {
  public static let kind = "none"
  public static let summary = "Gradients stay as they are."

  public init() {}
  public init(_ keys: inout ExperimentReader) {}
}

extension ClipRule where Self == NoClip {
  public static var none: NoClip { NoClip() }
}
