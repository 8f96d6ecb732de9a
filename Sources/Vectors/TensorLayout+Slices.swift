// How a flat vector is divided among owners.
//
// A division is made of whole tiles (``TensorLayout/tile(of:)``), so no row of a tensor, and no
// partial sum over a tile, depends on the number of owners; and of whole tensors, where the layout
// says so. What owners have equally much of is work: an element of a tensor that may be divided
// counts 1, and so does an element of a gap; a whole tensor counts what its `wholeLoad` says.
extension TensorLayout {
  /// The part of the flat vector that one of `count` owners holds: contiguous, disjoint, together
  /// the whole.
  ///
  /// Loads differ by a tile or so, or by the load of a whole tensor; with many owners of a small
  /// model some hold nothing.
  public func slice(_ owner: Int, of count: Int) -> Range<Int> {
    let total = load(before: elementCount)
    func start(of owner: Int) -> Int {
      if owner == 0 { return 0 }
      // total·owner / count, which would overflow.
      return border(atLoad: total / count * owner + total % count * owner / count)
    }
    return start(of: owner)..<start(of: owner + 1)
  }

  /// The same of a range that begins and ends at borders: what one of `count` owners has of it,
  /// equally many elements each.
  public func slice(_ owner: Int, of count: Int, in range: Range<Int>) -> Range<Int> {
    func start(of owner: Int) -> Int {
      if owner == 0 { return range.lowerBound }
      if owner == count { return range.upperBound }
      let wanted = range.lowerBound + range.count * owner / count
      return max(range.lowerBound, border(nearElement: wanted))
    }
    return start(of: owner)..<start(of: owner + 1)
  }

  /// The work before a border.
  public func load(before position: Int) -> Int {
    var sum = 0
    for segment in segments where segment.range.lowerBound < position {
      sum += segment.wholeLoad ?? min(position, segment.end) - segment.range.lowerBound
    }
    return sum
  }

  /// The border before which there is about so much work: the last start of a tile before which
  /// there is no more, and in a whole tensor the nearer end.
  public func border(atLoad load: Int) -> Int {
    border(at: load) { $0.wholeLoad ?? $0.end - $0.range.lowerBound }
  }

  /// The same for a number of elements.
  private func border(nearElement position: Int) -> Int {
    border(at: position) { $0.end - $0.range.lowerBound }
  }

  private func border(at wanted: Int, size: (Segment) -> Int) -> Int {
    var before = 0
    for (index, segment) in segments.enumerated() where !segment.range.isEmpty {
      let (own, inside) = (size(segment), wanted - before)
      before += own
      guard inside < own else { continue }
      let start = segment.range.lowerBound
      if segment.wholeLoad != nil { return 2 * inside > own ? segment.end : start }
      let tile = tile(of: index)
      return start + min(inside, segment.count - 1) / tile * tile
    }
    return elementCount
  }
}

extension TensorLayout.Segment {
  /// Where the gap after the elements ends.
  fileprivate var end: Int {
    let alignment = TensorLayout.alignment
    return (range.upperBound + alignment - 1) / alignment * alignment
  }
}
