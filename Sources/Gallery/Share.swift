import Glibc
import Reports

/// How many of several runs did something, as a claim about chance is tested: a share with its
/// interval.
struct Share: Equatable {
  let count: Int
  let total: Int

  /// Counts the runs that `condition` holds of.
  init(of runs: [FinishedRun], _ condition: (FinishedRun) -> Bool) {
    (count, total) = (runs.count(where: condition), runs.count)
  }

  /// Whether at least four in five did, or at most one in five: 8 and 2 of 10.
  var isMost: Bool { 5 * count >= 4 * total }
  var isFew: Bool { 5 * count <= total }

  /// The true share with 95 % confidence (Wilson 1927).
  var interval: ClosedRange<Double> {
    let (n, z) = (Double(total), 1.959964)
    let p = Double(count) / n
    let middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    let reach = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
    return max(0, middle - reach)...min(1, middle + reach)
  }

  /// `9 of 10 (95 %: 60 to 98 %)`
  var text: String {
    func percent(_ share: Double) -> Int { Int((100 * share).rounded()) }
    return
      "\(count) of \(total) (95 %: \(percent(interval.lowerBound)) to \(percent(interval.upperBound)) %)"
  }
}

extension PlannedRun {
  /// The seeds of a claim about chance.
  static let seeds = 1...10

  /// Two kinds of run with each seed, which the claim compares: `clip, seed 1`, `none, seed 1`, …
  static func pairs(_ first: String, _ second: String, _ overrides: [String]) -> [PlannedRun] {
    seeds.flatMap {
      [
        PlannedRun("\(first), seed \($0)", ["seed=\($0)"]),
        PlannedRun("\(second), seed \($0)", ["seed=\($0)"] + overrides),
      ]
    }
  }
}

extension Outcomes {
  /// The runs of one kind, by seed.
  func all(_ kind: String) -> [FinishedRun] { runs.filter { $0.name.hasPrefix("\(kind), seed ") } }
}
