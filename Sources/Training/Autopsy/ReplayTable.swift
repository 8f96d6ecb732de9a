import Glibc
import GradientNorms

/// What a computation of a share gave: its squares by tensor, and its loss, to the bit.
///
/// The squares of the gradients that were sent are all that is left of them after the reduction.
struct ShareFingerprint {
  /// The squares of each tensor, summed over the share's parts, and the losses.
  let values: [Double]

  init(_ parts: [MicroBatchNorms], tensors: Int) {
    var values = [Double](repeating: 0, count: tensors + 1)
    for part in parts {
      for tensor in 0..<tensors { values[tensor] += part.squares[tensor] }
      values[tensors] += part.loss
    }
    self.values = values
  }

  init(_ values: ArraySlice<Double>) { self.values = Array(values) }

  var squares: Double { values.dropLast().reduce(0, +) }

  /// Whether another is the same: each value equal to a part of `tolerance`, or neither a number.
  func isSame(as other: ShareFingerprint, _ tolerance: Double) -> Bool {
    values.indices.allSatisfy { isSame(at: $0, as: other, tolerance) }
  }

  private func isSame(at place: Int, as other: ShareFingerprint, _ tolerance: Double) -> Bool {
    let (a, b) = (values[place], other.values[place])
    // What a NaN holds besides says nothing.
    return a == b || (a.isNaN && b.isNaN) || abs(a - b) <= tolerance * max(abs(a), abs(b))
  }

  /// The first tensor in which another has other squares; nil where none has.
  func tensor(unlike other: ShareFingerprint, _ tolerance: Double) -> Int? {
    values.indices.dropLast().first { !isSame(at: $0, as: other, tolerance) }
  }
}

/// Every rank's share as it was computed in the step, again by the same rank, and by the two ranks
/// after it: all ranks have the same table, and draw the same conclusion.
struct ReplayTable {
  /// What was concluded.
  enum Finding: Equatable {
    /// All computed the same.
    case sound
    /// A rank computed something else in the step than it and others do now.
    case transient(rank: Int, tensor: Int?)
    /// A rank computes something else than others do. Of two ranks it may not be known which.
    case persistent(rank: Int?, tensor: Int?)
    /// No rank comes to the same twice: the model does not, and nothing follows.
    case notRepeatable
  }

  /// By rank: its own share in the step, that again, the share of the rank before it, and of the
  /// one before that; as many as there are ranks for.
  let rows: [[ShareFingerprint]]
  /// By how much two of the same may differ, in parts: 0 between ranks that compute alike.
  let tolerance: Double

  /// How many computations each rank takes part in, the step's included.
  static func columns(ranks: Int) -> Int { min(ranks, 3) + 1 }

  /// The computations of the share of rank `owner`: in the step, again by itself, by the next rank,
  /// by the one after that.
  private func computations(of owner: Int) -> [ShareFingerprint] {
    [rows[owner][0]]
      + (0..<min(rows.count, 3)).map { rows[(owner + $0) % rows.count][1 + $0] }
  }

  private func same(_ one: ShareFingerprint, _ other: ShareFingerprint) -> Bool {
    one.isSame(as: other, tolerance)
  }

  /// `expected` is about what the squares of a share were in earlier steps, by rank: of two ranks
  /// that disagree, the one is at fault that is farther from it.
  func finding(expected: [Double]) -> Finding {
    if rows.count > 1, rows.indices.allSatisfy({ !same(rows[$0][0], rows[$0][1]) }) {
      return .notRepeatable
    }
    var votes = [Int](repeating: 0, count: rows.count)
    var tensors = [Int?](repeating: nil, count: rows.count)
    var disputed: Int?
    var transient: Finding?
    for owner in rows.indices {
      let all = computations(of: owner)
      func accuse(_ rank: Int, _ one: ShareFingerprint, _ other: ShareFingerprint) {
        votes[rank] += 1
        tensors[rank] = tensors[rank] ?? one.tensor(unlike: other, tolerance)
      }
      if all.count > 2, !same(all[1], all[2]) {
        if all.count == 3 {
          disputed = owner
        } else if same(all[3], all[2]) {
          accuse(owner, all[1], all[2])
        } else if same(all[3], all[1]) {
          accuse((owner + 1) % rows.count, all[1], all[2])
        } else {
          // No two agree: both of the others accuse the third, whichever that is.
          disputed = owner
        }
      } else if !same(all[0], all[1]) {
        transient =
          transient ?? .transient(rank: owner, tensor: all[0].tensor(unlike: all[1], tolerance))
      }
    }
    if let most = votes.max(), most > 0 {
      let rank = votes.firstIndex(of: most)!
      return .persistent(rank: rank, tensor: tensors[rank])
    }
    if let disputed {
      let all = computations(of: disputed)
      return .persistent(
        rank: rows.count == 2 ? farther(from: expected) : nil,
        tensor: all[1].tensor(unlike: all[2], tolerance))
    }
    return transient ?? .sound
  }

  /// Of two ranks, the one whose results are farther from what is expected; nil where both are as
  /// far.
  private func farther(from expected: [Double]) -> Int? {
    func distance(_ rank: Int) -> Double {
      var sum = 0.0
      for (column, owner) in [(1, rank), (2, 1 - rank)] {
        let squares = rows[rank][column].squares
        guard squares.isFinite else { return .infinity }
        guard expected[owner] > 0, squares > 0 else { continue }
        sum += abs(log(squares / expected[owner]))
      }
      return sum
    }
    let (first, second) = (distance(0), distance(1))
    return first == second ? nil : first > second ? 0 : 1
  }
}

// What a table shows, in words.
extension ReplayTable {
  /// Of a rank whose share came out otherwise in the step.
  func text(ofShare rank: Int, _ tensor: Int?, name: String?, is again: String) -> String {
    "rank \(rank)'s share had \(Self.norm(rows[rank][0], tensor, name)) in the step and has \(Self.norm(rows[rank][1], tensor, name)), \(again)"
  }

  /// Of a rank that computes otherwise than others; nil for one of two.
  func text(ofRank rank: Int?, _ tensor: Int?, name: String?) -> String {
    let owner = rank ?? 0
    let other = (owner + 1) % rows.count
    return
      "the share of rank \(owner) has \(Self.norm(rows[owner][1], tensor, name)) there and \(Self.norm(rows[other][2], tensor, name)) on rank \(other)"
  }

  private static func norm(_ one: ShareFingerprint, _ tensor: Int?, _ name: String?) -> String {
    guard let tensor, let name else { return "the loss \(formatted(one.values.last ?? .nan))" }
    return "the norm \(formatted(one.values[tensor].squareRoot())) in \(name)"
  }
}
