import ExperimentKeys
import Vectors

/// `clip.rule = "agc"`: each unit u (a row of a tensor, or a tensor of one dimension) is scaled so
/// that ‖Gᵤ‖ ≤ ratio·max(‖Wᵤ‖, floor) (Brock et al. 2021, arXiv 2102.06171).
public struct AdaptiveGradientClip: ClipRule, Equatable {
  public static let kind = "agc"
  public static let summary =
    "Adaptive gradient clipping: each row of a tensor by the norm of its weights, without a warm-up."
  public var ratio: Double
  public var floor: Double

  public init(ratio: Double, floor: Double) {
    (self.ratio, self.floor) = (ratio, floor)
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    ratio = try keys.clipLimit(
      "ratio", default: 0.01, "the longest gradient in parts of the weights' norm")
    floor = try keys.clipLimit(
      "floor", default: 1e-3,
      "the norm that weights count for at least, by which rows of weight 0 move")
  }

  public var needs: ClipNeeds { .elements }

  public func clip(
    _ gradient: inout FlatVector, weights: borrowing FlatVector, in part: TensorLayout.Part
  ) -> Double {
    let tensor = gradient.layout.segments[part.tensor]
    let unit = tensor.shape.count > 1 ? tensor.count / tensor.shape[0] : part.range.count
    var squares = 0.0
    for start in stride(from: part.range.lowerBound, to: part.range.upperBound, by: unit) {
      let row = start..<start + unit
      let norm = gradient.squaredNorm(in: row).squareRoot()
      let limit = ratio * max(weights.squaredNorm(in: row).squareRoot(), floor)
      if norm > limit { gradient.scale(by: limit / max(norm, 1e-6), in: row) }
      squares += gradient.squaredNorm(in: row)
    }
    return squares
  }
}

extension ClipRule where Self == AdaptiveGradientClip {
  public static func agc(ratio: Double, floor: Double) -> AdaptiveGradientClip {
    AdaptiveGradientClip(ratio: ratio, floor: floor)
  }
}
