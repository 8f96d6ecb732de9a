import Vectors

/// What an optimiser's moments obey whatever the gradients were: state that does not was not made by
/// the rule, but by a fault of memory.
public enum MomentInvariant: Sendable, Equatable {
  /// |m| ≤ c·√s for every element, m the first moment and s the second. Of Adam's means, by the
  /// inequality of Cauchy and Schwarz: c² = (1 − β₁)² / ((1 − β₂)(1 − β₁²/β₂)), where β₁² < β₂.
  case ratio(Double)
  /// A tensor's norm in the first moment is at most that of Σ memoryᵗ·gain·(‖gₜ‖ + decay·‖wₜ‖), by
  /// the triangle inequality.
  case geometric(memory: Double, gain: Double, decay: Double)

  /// That of exponential means of g and g²; nil where there is none.
  static func ofMeans(_ beta1: Double, _ beta2: Double) -> MomentInvariant? {
    guard beta1 * beta1 < beta2 else { return nil }
    let square = (1 - beta1) * (1 - beta1) / ((1 - beta2) * (1 - beta1 * beta1 / beta2))
    return .ratio(square.squareRoot())
  }

  /// A tensor's bound after a step more, from the one before it; nil for ``ratio(_:)``, which needs
  /// none.
  public func bound(after bound: Double, gradient: Double, weights: Double) -> Double? {
    guard case .geometric(let memory, let gain, let decay) = self else { return nil }
    return memory * bound + gain * (gradient + decay * weights)
  }
}

extension Optimizer {
  /// How many times what the rule's invariant allows some owned elements of a tensor hold; at most
  /// 1, but for rounding, in a sound state. Not finite where an element is not; 0 for a rule
  /// without invariant.
  ///
  /// `bound` is the tensor's, for ``MomentInvariant/geometric(memory:gain:decay:)``.
  public borrowing func excess(in range: Range<Int>, bound: Double?) -> Double {
    guard let invariant = rule.momentInvariant, !range.isEmpty else { return 0 }
    let place = owned.place(of: range.lowerBound)
    let first = moment(0).extracting(place..<place + range.count)
    switch invariant {
    case .ratio(let limit):
      let second = moment(1).extracting(place..<place + range.count)
      var largest = 0.0
      for index in 0..<range.count {
        let (m, s) = (Double(first[index]), Double(second[index]))
        guard m.isFinite, s.isFinite, s >= 0 else { return .infinity }
        // Squares below the smallest Float32 are lost.
        largest = max(largest, abs(m) / (limit * s.squareRoot() + 1e-18))
      }
      return largest
    case .geometric:
      guard let bound else { return 0 }
      let sum = squares(ofMoment: 0, in: range)
      return sum.isFinite ? sum.squareRoot() / (bound + 1e-18) : .infinity
    }
  }

  /// The squares of some owned elements of a moment.
  public borrowing func squares(ofMoment index: Int, in range: Range<Int>) -> Double {
    guard !range.isEmpty else { return 0 }
    let place = owned.place(of: range.lowerBound)
    let elements = moment(index)
    var sum = 0.0
    for index in place..<place + range.count {
      sum += Double(elements[index]) * Double(elements[index])
    }
    return sum
  }
}
