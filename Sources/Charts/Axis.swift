import Glibc

/// One direction of a chart: what it measures, on which scale, from where to where.
public struct Axis: Sendable, Equatable {
  public enum Scale: Sendable, Equatable {
    case linear
    /// Powers of ten at equal distances; values that are not positive are not drawn.
    case logarithmic
    /// Logarithmic where all values are positive and the largest is more than ten times the
    /// smallest.
    case automatic
  }

  public var label: String
  public var scale: Scale
  /// What is shown at least; nil for what the values need.
  public var lowest: Double?
  public var highest: Double?
  /// Where ticks stand; nil for round numbers.
  public var ticks: [Double]?

  public init(
    _ label: String, scale: Scale = .linear, lowest: Double? = nil, highest: Double? = nil,
    ticks: [Double]? = nil
  ) {
    (self.label, self.scale, self.lowest, self.highest, self.ticks) = (
      label, scale, lowest, highest, ticks
    )
  }
}

/// An axis fitted to its values: where they lie, between 0 and 1, and the ticks beside them.
struct FittedAxis {
  let isLogarithmic: Bool
  /// In logarithms to base 10 where the axis is logarithmic.
  private let lower: Double
  private let upper: Double
  private let chosen: [Double]?

  /// Beyond this, differences of values overflow.
  private static let limit = 1e300

  /// `margin` is the part of the range that stays free at each end.
  init(_ axis: Axis, values: some Sequence<Double>, margin: Double) {
    var (low, high, smallest) = (Double.infinity, -Double.infinity, Double.infinity)
    func see(_ value: Double) {
      guard abs(value) < Self.limit else { return }
      (low, high) = (min(low, value), max(high, value))
      if value > 0 { smallest = min(smallest, value) }
    }
    for value in values { see(value) }
    let isLogarithmic =
      switch axis.scale {
      case .linear: false
      case .logarithmic: smallest.isFinite
      case .automatic: low > 0 && high > 10 * low
      }
    for bound in [axis.lowest, axis.highest].compactMap({ $0 }) { see(bound) }
    self.isLogarithmic = isLogarithmic
    if isLogarithmic { low = smallest }
    if low > high { (low, high) = isLogarithmic ? (1, 10) : (0, 1) }
    if isLogarithmic { (low, high) = (log10(low), log10(high)) }
    if high - low <= 1e-12 * max(abs(low), abs(high)) {
      // One value: a range of its own size about it, so that its label is near.
      let room = isLogarithmic || high == 0 ? 0.5 : abs(high) * 0.5
      (low, high) = (low - room, high + room)
    } else {
      let room = (high - low) * margin
      // A bound that is asked for is the edge itself.
      if axis.lowest == nil { low -= room }
      if axis.highest == nil { high += room }
    }
    (lower, upper, chosen) = (low, high, axis.ticks)
  }

  /// The place of a value, 0 at the lower end and 1 at the upper one; nil where the axis has none
  /// for it.
  func place(_ value: Double?) -> Double? {
    guard let value, abs(value) < Self.limit else { return nil }
    if isLogarithmic { return value > 0 ? (log10(value) - lower) / (upper - lower) : nil }
    return (value - lower) / (upper - lower)
  }

  /// Those that were chosen, or round numbers inside the range, about `count` of them; and what is
  /// written beside each.
  func ticks(about count: Int) -> [(value: Double, label: String)] {
    if let chosen { return chosen.map { ($0, TickLabel.figure($0)) } }
    return isLogarithmic
      ? logarithmicTicks(about: count) : Self.linearTicks(from: lower, to: upper, about: count)
  }

  private static func linearTicks(from lower: Double, to upper: Double, about count: Int) -> [(
    value: Double, label: String
  )] {
    let rough = (upper - lower) / Double(max(1, count))
    let power = pow(10, log10(rough).rounded(.down))
    let step = [1, 2, 2.5, 5, 10].map { $0 * power }.first { $0 >= rough * 0.999 } ?? power * 10
    let first = (lower / step - 1e-9).rounded(.up)
    var ticks: [(value: Double, label: String)] = []
    for index in 0...count * 3 {
      var value = (first + Double(index)) * step
      if value > upper + step * 1e-9 { break }
      if abs(value) < step * 1e-6 { value = 0 }
      ticks.append((value, TickLabel.text(value, step: step)))
    }
    return ticks
  }

  private func logarithmicTicks(about count: Int) -> [(value: Double, label: String)] {
    let decades = upper - lower
    // Over less than a decade and a half, powers of ten alone would leave the axis bare.
    if decades < 0.7 {
      return Self.linearTicks(from: pow(10, lower), to: pow(10, upper), about: count).filter {
        $0.value > 0
      }
    }
    let digits: [Double] = decades < 1.6 ? [1, 2, 5] : decades < 2.6 ? [1, 3] : [1]
    let stride = max(1, Int((decades / Double(count)).rounded(.up)))
    var ticks: [(value: Double, label: String)] = []
    for exponent in Int(lower.rounded(.down))...Int(upper.rounded(.up)) where exponent % stride == 0
    {
      for digit in digits {
        let place = Double(exponent) + log10(digit)
        guard place >= lower - 1e-9, place <= upper + 1e-9 else { continue }
        ticks.append(
          (
            digit * pow(10, Double(exponent)),
            TickLabel.power(digit: Int(digit), exponent: exponent)
          ))
      }
    }
    return ticks
  }
}
