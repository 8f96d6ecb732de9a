import GradientNorms
import Vectors

extension FlatVector {
  /// Applies a clip rule that acts on single elements or rows to a range of the mean gradient; other rules leave it as it is.
  ///
  /// Slices never cut a row, so a row's norms are known where the row is and cost no message. `counted` is called for each grain
  /// with the sum of its squares after the clip.
  public mutating func clipElements(
    _ rule: ClipRule, weights: borrowing FlatVector, in range: Range<Int>, counted: (TensorLayout.Part, Double) -> Void
  ) {
    for part in layout.grains(of: range) {
      let (tensor, grain) = (part.tensor, part.range)
      switch rule {
      case .value(let limit): counted(part, clamp(to: limit, in: grain))
      case .agc(let ratio, let floor):
        let shape = layout.segments[tensor].shape
        let unit = shape.count > 1 ? layout.segments[tensor].count / shape[0] : grain.count
        var squares = 0.0
        for start in stride(from: grain.lowerBound, to: grain.upperBound, by: unit) {
          let row = start..<start + unit
          let norm = squaredNorm(in: row).squareRoot()
          let limit = ratio * max(weights.squaredNorm(in: row).squareRoot(), floor)
          if norm > limit { scale(by: limit / max(norm, 1e-6), in: row) }
          squares += squaredNorm(in: row)
        }
        counted(part, squares)
      default: return
      }
    }
  }
}
