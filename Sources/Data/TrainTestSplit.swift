import Vectors

/// What a user is to know where held-out rows have classes that no row trained on has; nil without
/// such classes.
public func missingClassesNote(_ names: [String], in path: String) -> String? {
  guard !names.isEmpty else { return nil }
  let shown = names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", …" : "")
  let (what, them) =
    names.count == 1
    ? ("class \(shown) occurs", "it") : ("\(names.count) classes (\(shown)) occur", "them")
  return "\(path): \(what) in held-out rows only, so that nothing trained on has \(them)"
}

/// Which rows of a table are trained on and which are held out for testing: a function of (seed,
/// count, fraction), each in ascending order.
public struct TrainTestSplit: Sendable, Equatable {
  public let train: [UInt32]
  public let test: [UInt32]

  /// Holds out none: the test set is elsewhere.
  init(all count: Int) { (train, test) = (Array(0..<UInt32(count)), []) }

  /// Holds out `fraction` of the rows, rounded, but at least one, each row as likely as another
  /// (Knuth's Algorithm S). With a fraction of 0 the rows trained on are the test set.
  public init(of count: Int, fraction: Double, seed: UInt64) {
    self.init(of: count, fraction: fraction, seed: seed, RandomPurpose.heldOut)
  }

  /// Which rows of a training set are kept for evaluations while the others are trained on: drawn
  /// by a stream of its own, so that it does not follow what a table held out for testing.
  public static func evaluation(of count: Int, fraction: Double, seed: UInt64) -> TrainTestSplit {
    TrainTestSplit(of: count, fraction: fraction, seed: seed, RandomPurpose.evaluation)
  }

  private init(of count: Int, fraction: Double, seed: UInt64, _ purpose: UInt64) {
    precondition(
      count > (fraction > 0 ? 1 : 0) && count <= Int(UInt32.max), "\(count) rows cannot be divided")
    let rows = 0..<UInt32(count)
    guard fraction > 0 else {
      (train, test) = (Array(rows), Array(rows))
      return
    }
    var missing = min(max(1, Int((Double(count) * fraction).rounded())), count - 1)
    var stream = RandomStream(seed, purpose)
    var parts: (train: [UInt32], test: [UInt32]) = ([], [])
    for row in rows {
      if stream.integer(below: UInt64(count) - UInt64(row)) < UInt64(missing) {
        parts.test.append(row)
        missing -= 1
      } else {
        parts.train.append(row)
      }
    }
    (train, test) = parts
  }
}
