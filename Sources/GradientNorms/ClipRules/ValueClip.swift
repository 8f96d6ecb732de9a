import ExperimentKeys
import Vectors

/// `clip.rule = "value"`: every element is limited to ±`maxValue`.
public struct ValueClip: ClipRule, Equatable {
  public static let kind = "value"
  public static let summary = "Each element by its own magnitude."
  public var maxValue: Double

  public init(limit: Double) { maxValue = limit }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    maxValue = try keys.clipLimit("max_value", default: 1, "the largest magnitude of an element")
  }

  public var needs: ClipNeeds { .elements }

  public func decide(_ norms: StepNorms, _ state: inout Stateless) -> ClipEffect {
    ClipEffect(threshold: maxValue)
  }

  public func clip(
    _ gradient: inout FlatVector, weights: borrowing FlatVector, in part: TensorLayout.Part
  ) -> Double {
    gradient.clamp(to: maxValue, in: part.range)
  }
}

extension ClipRule where Self == ValueClip {
  public static func value(limit: Double) -> ValueClip { ValueClip(limit: limit) }
}
