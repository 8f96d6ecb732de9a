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
    /// What the tensor is in its model.
    public fileprivate(set) var role = Role.hidden
    /// The work that an update of the tensor is, in updates of single elements, where one owner
    /// must have all of it; nil where it may be divided at tiles.
    public fileprivate(set) var wholeLoad: Int?

    public var count: Int { range.count }
  }

  /// What a tensor is in its model, for optimisers that do not treat all alike (Muon).
  public enum Role: Sendable, Equatable {
    /// A weight or bias between the first and the last layer.
    case hidden
    /// A table with a row for each token or place.
    case embedding
    /// A weight of the last layer, which makes the model's outputs.
    case head
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
  public mutating func add(_ name: String, shape: [Int], role: Role = .hidden) -> Int {
    let count = shape.reduce(1, *)
    segments.append(
      Segment(name: name, shape: shape, range: elementCount..<elementCount + count, role: role))
    elementCount += (count + Self.alignment - 1) / Self.alignment * Self.alignment
    return segments.count - 1
  }

  /// The index of the tensor with a name.
  public func index(named name: String) -> Int? { segments.firstIndex { $0.name == name } }

  /// Says what some tensors are in the model.
  public mutating func mark(_ tensors: some Sequence<Int>, as role: Role) {
    for tensor in tensors { segments[tensor].role = role }
  }

  /// The same tensors, some of which every division among owners leaves whole: by index, with the
  /// work that each is, in updates of single elements.
  public func keepingWhole(_ loads: [Int: Int]) -> TensorLayout {
    var layout = self
    for (tensor, load) in loads { layout.segments[tensor].wholeLoad = load }
    return layout
  }

  /// The smallest part of a tensor that is never divided: as many whole rows as fill 1024 elements,
  /// or all of a tensor of one dimension. Sums over elements are made tile by tile, also of tensors
  /// that stay whole.
  ///
  /// A row is what belongs to one output: the elements with one first index.
  public func tile(of segment: Int) -> Int {
    let segment = segments[segment]
    guard segment.shape.count > 1, segment.count > 0 else { return max(segment.count, 1) }
    let row = segment.count / segment.shape[0]
    return row * max(1, 1024 / row)
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
