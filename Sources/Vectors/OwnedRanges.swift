/// Disjoint ranges of a flat vector in ascending order, and where their elements lie when they are
/// stored one range after another.
public struct OwnedRanges: Sendable, Equatable {
  public let ranges: [Range<Int>]
  /// The elements of all ranges.
  public let count: Int
  /// Where each range begins when they are stored one after another.
  private let starts: [Int]

  /// Makes it of ranges in ascending order; neighbours become one.
  ///
  /// - Precondition: none overlaps the one before it.
  public init(_ ranges: [Range<Int>]) {
    var merged: [Range<Int>] = []
    for range in ranges where !range.isEmpty {
      guard let last = merged.last else {
        merged.append(range)
        continue
      }
      precondition(last.upperBound <= range.lowerBound, "\(range) does not follow \(last)")
      if last.upperBound == range.lowerBound {
        merged[merged.count - 1] = last.lowerBound..<range.upperBound
      } else {
        merged.append(range)
      }
    }
    // Of none but empty ones, where it lies is still known.
    if merged.isEmpty, let first = ranges.first { merged = [first] }
    var (starts, count) = ([Int](), 0)
    for range in merged {
      starts.append(count)
      count += range.count
    }
    (self.ranges, self.starts, self.count) = (merged, starts, count)
  }

  /// One range.
  public init(_ range: Range<Int>) { self.init([range]) }

  public var isEmpty: Bool { count == 0 }

  /// The first position.
  public var lowerBound: Int { ranges.first?.lowerBound ?? 0 }

  public func contains(_ position: Int) -> Bool { index(at: position) != nil }

  /// Whether all of a range, which may be empty, lies in one of these.
  public func contains(_ range: Range<Int>) -> Bool {
    guard !range.isEmpty else { return true }
    return index(at: range.lowerBound).map { range.upperBound <= ranges[$0].upperBound } ?? false
  }

  /// Where an element lies when the ranges are stored one after another.
  ///
  /// - Precondition: one of them has it.
  public func place(of position: Int) -> Int {
    guard let index = index(at: position) else { refuse(position..<position + 1) }
    return starts[index] + position - ranges[index].lowerBound
  }

  /// Ends the process: the range is not one of these. A function of its own, so that a caller's check
  /// makes no closure.
  @inline(never)
  public func refuse(_ range: Range<Int>) -> Never {
    fatalError("\(range) lies outside the owned \(ranges)")
  }

  /// The ranges, each with where it begins when they are stored one after another.
  public var stored: Zip2Sequence<[Range<Int>], [Int]> { zip(ranges, starts) }

  private func index(at position: Int) -> Int? {
    // The last one that begins at or before it.
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].lowerBound <= position { low = middle + 1 } else { high = middle }
    }
    return low > 0 && position < ranges[low - 1].upperBound ? low - 1 : nil
  }
}
