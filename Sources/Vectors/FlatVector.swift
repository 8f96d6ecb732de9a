/// One flat Float32 vector, 64-byte aligned, with named segments: all weights of a model, or its
/// gradient, or a moment.
///
/// Norm, clip, update, reduction and checkpoint are each one loop over it. It is noncopyable, so
/// that a copy of a model's size is always written out (``init(copying:)``).
public struct FlatVector: ~Copyable {
  public let layout: TensorLayout
  /// The first element, valid for `layout.elementCount` elements while this vector lives. For
  /// kernels; other code takes spans.
  public let base: UnsafeMutablePointer<Float>
  /// Keeps memory that is not this vector's own.
  public let owner: AnyObject?

  /// A vector of zeros, gaps included.
  public init(zeros layout: TensorLayout) {
    self.layout = layout
    let bytes = max(layout.elementCount, TensorLayout.alignment) * MemoryLayout<Float>.stride
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    base = memory.assumingMemoryBound(to: Float.self)
    owner = nil
  }

  /// A vector in memory that `owner` keeps for as long as it lives: zeros, as many as the layout
  /// has elements, from a 64-byte border on.
  public init(_ layout: TensorLayout, at base: UnsafeMutablePointer<Float>, keptBy owner: AnyObject)
  {
    precondition(UInt(bitPattern: base) % 64 == 0, "a vector starts at a 64-byte border")
    self.layout = layout
    self.base = base
    self.owner = owner
  }

  public init(copying other: borrowing FlatVector) {
    self.init(zeros: other.layout)
    copy(from: other)
  }

  deinit { if owner == nil { UnsafeMutableRawPointer(base).deallocate() } }

  public var count: Int { layout.elementCount }

  /// All elements, gaps included.
  public var elements: Span<Float> {
    @_lifetime(borrow self)
    borrowing get {
      let span = Span(_unsafeStart: UnsafePointer(base), count: count)
      return _overrideLifetime(span, borrowing: self)
    }
  }

  public var mutableElements: MutableSpan<Float> {
    @_lifetime(&self)
    mutating get {
      let span = MutableSpan(_unsafeStart: base, count: count)
      return _overrideLifetime(span, mutating: &self)
    }
  }

  /// A tensor's elements as an array, for files and tests.
  public subscript(_ name: String) -> [Float]? {
    layout.index(named: name).map { index in
      Array(
        UnsafeBufferPointer(
          rebasing: UnsafeBufferPointer(start: base, count: count)[layout.segments[index].range]))
    }
  }
}
