/// The norms of a run's tensors in bounded memory: root mean squares over stretches of steps.
package struct DownsampledRows: Sendable {
  private struct Fold {
    var squares: [Double]
    var counts: [Int]
  }

  package static let limit = 128
  package private(set) var names: [String] = []
  package private(set) var first = 0
  package private(set) var last = 0
  private var folds: [Fold] = []
  private var size = 1
  private var inLast = 0

  package mutating func add(_ step: Int, _ norms: [NamedNumber]) {
    if names.isEmpty { (names, first) = (norms.map(\.name), step) }
    // A file that mixes two models has rows of the first alone.
    guard norms.count == names.count, !names.isEmpty else { return }
    last = step
    if inLast == size || folds.isEmpty {
      if folds.count == Self.limit { fold() }
      folds.append(
        Fold(
          squares: Array(repeating: 0, count: names.count),
          counts: Array(repeating: 0, count: names.count)))
      inLast = 0
    }
    inLast += 1
    let end = folds.count - 1
    for (index, norm) in norms.enumerated() {
      guard let value = norm.value, value.isFinite else { continue }
      folds[end].squares[index] += value * value
      folds[end].counts[index] += 1
    }
  }

  private mutating func fold() {
    folds = stride(from: 0, to: folds.count, by: 2).map { index in
      var joined = folds[index]
      for row in names.indices {
        joined.squares[row] += folds[index + 1].squares[row]
        joined.counts[row] += folds[index + 1].counts[row]
      }
      return joined
    }
    size *= 2
  }

  /// A row a tensor; nil where no step of a stretch had a number. Beyond `rows` neighbours are
  /// taken together, as the norm of their union.
  package func rows(atMost rows: Int) -> [(name: String, values: [Double?])] {
    let each = max(1, (names.count + rows - 1) / rows)
    return stride(from: 0, to: names.count, by: each).map { start in
      let part = start..<min(names.count, start + each)
      let name = part.count == 1 ? names[start] : "\(names[start]) … \(part.count)"
      return (
        name,
        folds.map { fold in
          part.contains { fold.counts[$0] == 0 }
            ? nil : part.reduce(0) { $0 + fold.squares[$1] / Double(fold.counts[$1]) }.squareRoot()
        }
      )
    }
  }
}
