import Charts

/// A series of any length in bounded memory: neighbours are folded together, and of each fold the
/// extremes and the mean are kept.
package struct DownsampledSeries: Sendable {
  /// Consecutive points of the series.
  private struct Fold {
    var lowest: (x: Double, y: Double) = (0, .infinity)
    var highest: (x: Double, y: Double) = (0, -.infinity)
    var first: Double
    var last: Double
    var sum = 0.0
    var count = 0
    var missing = 0

    init(_ x: Double, _ y: Double?) {
      (first, last) = (x, x)
      if let y, y.isFinite {
        (lowest, highest, sum, count) = ((x, y), (x, y), y, 1)
      } else {
        missing = 1
      }
    }

    mutating func join(_ next: Fold) {
      if next.lowest.y < lowest.y { lowest = next.lowest }
      if next.highest.y > highest.y { highest = next.highest }
      (last, sum, count, missing) = (
        next.last, sum + next.sum, count + next.count, missing + next.missing
      )
    }
  }

  /// A chart has fewer columns than half of this.
  package static let limit = 2048
  private var folds: [Fold] = []
  private var size = 1
  private var inLast = 0

  package mutating func add(_ x: Double, _ y: Double?) {
    let fold = Fold(x, y)
    if !folds.isEmpty, inLast < size {
      folds[folds.count - 1].join(fold)
      inLast += 1
      return
    }
    if folds.count == Self.limit {
      for index in 0..<folds.count / 2 {
        folds[index] = folds[2 * index]
        folds[index].join(folds[2 * index + 1])
      }
      folds.removeLast(folds.count / 2)
      size *= 2
    }
    folds.append(fold)
    inLast = 1
  }

  package var isEmpty: Bool { folds.allSatisfy { $0.count == 0 } }
  /// The sum of all numbers.
  package var sum: Double { folds.reduce(0) { $0 + $1.sum } }
  /// Whether there was a number other than 0.
  package var hasNonZero: Bool {
    folds.contains { $0.count > 0 && ($0.lowest.y != 0 || $0.highest.y != 0) }
  }
  /// The last number there was.
  package var last: Double? { folds.last { $0.count > 0 }.map { $0.sum / Double($0.count) } }

  /// The extremes of each fold, in the order of x: all points where nothing had to be folded.
  package var points: [ChartPoint] {
    folds.flatMap { fold -> [ChartPoint] in
      guard fold.count > 0 else { return [ChartPoint(fold.first, nil)] }
      let ends = [fold.lowest, fold.highest].sorted { $0.x < $1.x }.map { ChartPoint($0.x, $0.y) }
      return ends[0] == ends[1] ? [ends[0]] : ends
    }
  }

  package var means: [ChartPoint] {
    folds.map {
      ChartPoint(($0.first + $0.last) / 2, $0.count > 0 ? $0.sum / Double($0.count) : nil)
    }
  }

  /// So many means at most, neighbours taken together: for a line of text.
  package func means(atMost count: Int) -> [Double?] {
    let columns = min(count, folds.count)
    return (0..<max(0, columns)).map { column in
      let part = folds[folds.count * column / columns..<folds.count * (column + 1) / columns]
      let known = part.reduce(0) { $0 + $1.count }
      return known > 0
        ? part.reduce(0) { $0 + $1.sum } / Double(known)
        : part.contains { $0.missing > 0 } ? .nan : nil
    }
  }
}
