import Glibc

/// A series of numbers drawn in one line of text, such as `▁▂▄▇█▅▂`.
public enum Sparkline {
  private static let bars = Array("▁▂▃▄▅▆▇█")

  /// Draws at most `width` columns, each the mean of its part of the series; `!` where a part has a
  /// number that is not finite, a space where it has none.
  ///
  /// With `isLogarithmic` columns stand for logarithms, as norms and losses want it. `range` fixes
  /// what the lowest and the highest bar stand for, so that several lines can be compared; it is
  /// the series' own otherwise.
  public static func text(
    _ values: [Double?], width: Int, isLogarithmic: Bool = false, range: ClosedRange<Double>? = nil
  ) -> String {
    let columns = min(width, values.count)
    guard columns > 0 else { return "" }
    let means: [Double?] = (0..<columns).map { column in
      let part = values[(values.count * column / columns)..<(values.count * (column + 1) / columns)]
        .compactMap { $0 }
      guard !part.isEmpty else { return nil }
      let mean = part.reduce(0, +) / Double(part.count)
      return isLogarithmic && mean.isFinite ? log(max(mean, .leastNormalMagnitude)) : mean
    }
    let finite = means.compactMap { $0 }.filter(\.isFinite)
    let own = (finite.min() ?? 0)...(finite.max() ?? 0)
    let shown = range.map { isLogarithmic ? log($0.lowerBound)...log($0.upperBound) : $0 } ?? own
    return String(
      means.map { mean -> Character in
        guard let mean else { return " " }
        guard mean.isFinite else { return "!" }
        let height =
          shown.upperBound > shown.lowerBound
          ? (mean - shown.lowerBound) / (shown.upperBound - shown.lowerBound) : 0
        return bars[max(0, min(bars.count - 1, Int(height * Double(bars.count))))]
      })
  }
}
