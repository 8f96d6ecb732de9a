/// How long updates were in parts of the weights' length, ‖Δw‖/‖w‖, in a run's last steps.
struct UpdateBand: Sendable {
  static let window = 64
  /// An update that spoils the weights may raise the alarm a few steps later.
  static let recentCount = 4
  private var lengths: [Double] = []

  /// Takes in what a step's ledger says of the update before it; a skipped step has none.
  mutating func record(squaredUpdate: Double, squaredWeights: Double) {
    let length = (squaredUpdate / squaredWeights).squareRoot()
    guard length > 0 else { return }
    lengths.append(length)
    if lengths.count > Self.window + Self.recentCount { lengths.removeFirst() }
  }

  /// The longest of the last few; nil before the first.
  var recent: Double? { lengths.suffix(Self.recentCount).max() }

  /// The longest of those before; nil where there are few.
  var longest: Double? {
    let earlier = lengths.dropLast(Self.recentCount)
    return earlier.count >= 8 ? earlier.max() : nil
  }

  /// Whether one of the last updates is out of proportion: three times as long as any before them,
  /// or a quarter of the weights.
  var isLeft: Bool {
    guard let recent else { return false }
    return recent > 0.25 || longest.map { recent > 3 * $0 } ?? false
  }
}
