import Vectors

// How rules that need ``/GradientNorms/ClipNeeds/elements`` are applied where the mean gradient is.
extension FlatVector {
  /// Applies a rule that needs ``/GradientNorms/ClipNeeds/elements`` to a range of the mean
  /// gradient; other rules leave it as it is.
  ///
  /// Slices never cut a row, so a row's norms are known where the row is and cost no message.
  /// `counted` is called for each grain with the sum of its squares after the clip.
  public mutating func clipElements(
    _ rule: some ClipRule, weights: borrowing FlatVector, in range: Range<Int>,
    counted: (TensorLayout.Part, Double) -> Void
  ) {
    guard rule.needs.contains(.elements) else { return }
    for part in layout.tiles(of: range) {
      counted(part, rule.clip(&self, weights: weights, in: part))
    }
  }

  /// The same for a rule that needs ``/GradientNorms/ClipNeeds/secondMoment``: `moment` has the
  /// elements of the `owned` ranges, one range after another.
  public mutating func clipElements(
    _ rule: some ClipRule, secondMoment moment: Span<Float>, of owned: OwnedRanges,
    inStep step: Int, in range: Range<Int>, counted: (TensorLayout.Part, Double) -> Void
  ) {
    for part in layout.tiles(of: range) {
      let place = owned.place(of: part.range.lowerBound)
      let values = moment.extracting(place..<place + part.range.count)
      counted(part, rule.clip(&self, secondMoment: values, inStep: step, in: part))
    }
  }
}

extension FlatVector {
  /// Scales the elements of a range that are longer than their tensor's limit, as if its `largest`
  /// were the limit. `counted` is called for each grain with the sum of its squares afterwards.
  public mutating func clipElements(
    to limits: [Double], ofLargest largest: [Double], in range: Range<Int>,
    counted: (TensorLayout.Part, Double) -> Void
  ) {
    for part in layout.tiles(of: range) {
      let limit = limits[part.tensor]
      if limit < largest[part.tensor] {
        let factor = limit / largest[part.tensor]
        let elements = base + part.range.lowerBound
        for index in 0..<part.range.count where abs(Double(elements[index])) > limit {
          elements[index] = Float(Double(elements[index]) * factor)
        }
      }
      counted(part, squaredNorm(in: part.range))
    }
  }
}

extension ClipRule {
  public func limits(ofLargest largest: [Double], _ state: State) -> [Double] { largest }
  public func clip(
    _ gradient: inout FlatVector, secondMoment: Span<Float>, inStep step: Int,
    in part: TensorLayout.Part
  ) -> Double {
    gradient.squaredNorm(in: part.range)
  }
  public func restart(inStep step: Int) -> MomentRestart { MomentRestart() }
}
