/// How long updates were in parts of the weights' length, ‖Δw‖/‖w‖, in a run's last steps.
struct UpdateBand: Sendable {
  static let window = 64
  private var earlier: [Double] = []
  /// Of the last update that was made.
  private(set) var last: Double?

  /// Takes in what a step's ledger says of the update before it; a skipped step has none.
  mutating func record(squaredUpdate: Double, squaredWeights: Double) {
    guard squaredUpdate > 0, squaredWeights > 0 else { return }
    if let last, last.isFinite { earlier.append(last) }
    if earlier.count > Self.window { earlier.removeFirst() }
    last = (squaredUpdate / squaredWeights).squareRoot()
  }

  /// The longest of the updates before the last; nil where there are few.
  var longest: Double? { earlier.count >= 8 ? earlier.max() : nil }

  /// Whether the last update is out of proportion: three times as long as any before it, or a
  /// quarter of the weights.
  var isLeft: Bool {
    guard let last else { return false }
    return !last.isFinite || last > 0.25 || longest.map { last > 3 * $0 } ?? false
  }
}
