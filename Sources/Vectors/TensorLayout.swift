/// Where each named tensor of a model lies in one flat vector.
///
/// Tensors follow one another in the order they were added, each starting at a multiple of 64
/// bytes. The gaps hold zeros for ever, so a norm, an update or a reduction may run over the whole
/// vector without looking at the names.
public struct TensorLayout: Sendable, Equatable {
  /// One named tensor.
  public struct Segment: Sendable, Equatable {
    public let name: String
    /// Row-major, as PyTorch stores the tensor of this name.
    public let shape: [Int]
    /// The elements' positions in the flat vector, without the gap behind them.
    public let range: Range<Int>

    public var count: Int { range.count }
  }

  /// Positions of the flat vector that belong to one tensor.
  public struct Part: Sendable, Equatable {
    /// The tensor's index.
    public let tensor: Int
    public let range: Range<Int>
  }

  /// A tensor starts at a multiple of this many elements: 64 bytes, a cache line and the widest
  /// vector register.
  public static let alignment = 16

  public private(set) var segments: [Segment] = []
  /// The flat vector's length, gaps included; a multiple of ``alignment``.
  public private(set) var elementCount = 0

  public init() {}

  /// The number of trained values, gaps excluded.
  public var parameterCount: Int { segments.reduce(0) { $0 + $1.count } }

  /// Appends a tensor and returns its index.
  @discardableResult
  public mutating func add(_ name: String, shape: [Int]) -> Int {
    let count = shape.reduce(1, *)
    segments.append(Segment(name: name, shape: shape, range: elementCount..<elementCount + count))
    elementCount += (count + Self.alignment - 1) / Self.alignment * Self.alignment
    return segments.count - 1
  }

  /// The index of the tensor with a name.
  public func index(named name: String) -> Int? { segments.firstIndex { $0.name == name } }

  /// The part of the flat vector that one of `count` owners holds: contiguous, disjoint, together
  /// the whole.
  ///
  /// A slice is made of whole grains (``tile(of:)``), so no row of a tensor, and no partial sum
  /// over a grain, ever depends on the number of owners. Lengths differ by a grain or so; with many
  /// owners of a small model some hold nothing.
  public func slice(_ owner: Int, of count: Int) -> Range<Int> {
    tileStart(at: elementCount * owner / count)..<tileStart(at: elementCount * (owner + 1) / count)
  }

  /// The same of a range that begins and ends at tiles: what one of `count` owners has of it.
  public func slice(_ owner: Int, of count: Int, in range: Range<Int>) -> Range<Int> {
    func border(_ owner: Int) -> Int {
      if owner == 0 { return range.lowerBound }
      if owner == count { return range.upperBound }
      return max(range.lowerBound, tileStart(at: range.lowerBound + range.count * owner / count))
    }
    return border(owner)..<border(owner + 1)
  }

  /// The smallest part of a tensor that is never divided: as many whole rows as fill 1024 elements,
  /// or all of a tensor of one dimension.
  ///
  /// A row is what belongs to one output: the elements with one first index.
  public func tile(of segment: Int) -> Int {
    let segment = segments[segment]
    guard segment.shape.count > 1, segment.count > 0 else { return max(segment.count, 1) }
    let row = segment.count / segment.shape[0]
    return row * max(1, 1024 / row)
  }

  /// The last start of a tile at or before a position.
  public func tileStart(at position: Int) -> Int {
    if position >= elementCount { return elementCount }
    guard
      let index = segments.lastIndex(where: { $0.range.lowerBound <= position && !$0.range.isEmpty }
      )
    else { return 0 }
    let (start, grain) = (segments[index].range.lowerBound, tile(of: index))
    return start + min(position - start, segments[index].count - 1) / grain * grain
  }

  /// What of `range` belongs to tensors, in order, cut at their borders.
  public func parts(of range: Range<Int>) -> [Part] {
    segments.enumerated().compactMap { index, segment in
      let part = segment.range.clamped(to: range)
      return part.isEmpty ? nil : Part(tensor: index, range: part)
    }
  }

  /// What of `range`, which starts and ends at grains as slices do, belongs to tensors, grain by
  /// grain.
  public func tiles(of range: Range<Int>) -> [Part] {
    parts(of: range).flatMap { part in
      let step = tile(of: part.tensor)
      return stride(from: part.range.lowerBound, to: part.range.upperBound, by: step).map {
        Part(tensor: part.tensor, range: $0..<min($0 + step, part.range.upperBound))
      }
    }
  }
}
