import Vectors

// The moments of Adam and its kin, which clip rules may ask for: found by PyTorch's names.
extension OptimizerRule {
  /// Which moment is the running mean of g²; nil for optimisers without one.
  public var secondMoment: Int? { momentNames.firstIndex(of: "exp_avg_sq") }
}

extension Optimizer {
  /// Calls `body` with the running mean of g² as the last step left it, one element for each
  /// position of the owned ranges, and the number of the step that comes. Nothing is done where the
  /// rule has no such moment.
  public borrowing func withSecondMoment(
    _ body: (_ moment: Span<Float>, _ owned: OwnedRanges, _ step: Int) -> Void
  ) {
    if let index = rule.secondMoment { body(moment(index), owned, stepCount + 1) }
  }

  /// Sets the running means of g and g² to 0. The count of steps goes on, and with it the correction
  /// of their bias.
  public mutating func resetMoments() {
    for (index, name) in rule.momentNames.enumerated()
    where ["exp_avg", "exp_avg_sq"].contains(name) {
      var elements = mutableMoment(index)
      for place in elements.indices { elements[place] = 0 }
    }
  }
}
