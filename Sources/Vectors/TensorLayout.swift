/// Where each named tensor of a model lies in one flat vector.
///
/// Tensors follow one another in the order they were added, each starting at a multiple of 64 bytes. The gaps hold zeros for ever, so
/// a norm, an update or a reduction may run over the whole vector without looking at the names.
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

  /// A tensor starts at a multiple of this many elements: 64 bytes, a cache line and the widest vector register.
  public static let alignment = 16

  public private(set) var segments: [Segment] = []
  /// The flat vector's length, gaps included; a multiple of ``alignment``.
  public private(set) var elementCount = 0

  public init() {}

  /// The number of trained values, gaps excluded.
  public var parameterCount: Int { segments.reduce(0) { $0 + $1.count } }

  /// Adds a tensor behind the others and returns its index.
  @discardableResult
  public mutating func add(_ name: String, shape: [Int]) -> Int {
    let count = shape.reduce(1, *)
    segments.append(Segment(name: name, shape: shape, range: elementCount..<elementCount + count))
    elementCount += (count + Self.alignment - 1) / Self.alignment * Self.alignment
    return segments.count - 1
  }

  /// The index of the tensor with a name.
  public func index(named name: String) -> Int? { segments.firstIndex { $0.name == name } }

  /// The part of the flat vector that one of `count` owners holds: contiguous, disjoint, aligned, together the whole.
  ///
  /// Lengths differ by at most one cache line; with more owners than cache lines some hold nothing.
  public func slice(_ owner: Int, of count: Int) -> Range<Int> {
    let lines = elementCount / Self.alignment
    return lines * owner / count * Self.alignment..<lines * (owner + 1) / count * Self.alignment
  }

  /// The parts of `range` that belong to tensors, in order: (index of the tensor, positions in the flat vector).
  public func pieces(of range: Range<Int>) -> [(segment: Int, range: Range<Int>)] {
    segments.enumerated().compactMap { index, segment in
      let part = segment.range.clamped(to: range)
      return part.isEmpty ? nil : (index, part)
    }
  }
}
