/// The samples of one micro-batch, as a model reads them; its memory is made once and reused.
///
/// Each buffer is row-major, one row a sample, as wide as ``shape`` says. A reader fills what its
/// data has.
public struct Batch: ~Copyable {
  /// The most samples it can hold.
  public let capacity: Int
  public let shape: SampleShape
  /// The samples it holds now.
  public var count = 0
  /// The epoch it was drawn in, counted from 0. With a sample's index and the seed it keys the
  /// sample's random numbers, so that those never depend on a rank.
  public var epoch = 0
  /// Each sample's index in its data set.
  public let samples: UnsafeMutableBufferPointer<UInt32>
  public let inputs: UnsafeMutableBufferPointer<Float>
  public let tokens: UnsafeMutableBufferPointer<Int32>
  public let labels: UnsafeMutableBufferPointer<Int32>
  public let targets: UnsafeMutableBufferPointer<Float>

  public init(capacity: Int, shape: SampleShape) {
    self.capacity = capacity
    self.shape = shape
    samples = Self.zeros(capacity)
    inputs = Self.zeros(capacity * shape.inputs)
    tokens = Self.zeros(capacity * shape.tokens)
    labels = Self.zeros(capacity * shape.labels)
    targets = Self.zeros(capacity * shape.targets)
  }

  deinit {
    for memory in [
      UnsafeMutableRawBufferPointer(samples), .init(inputs), .init(tokens), .init(labels),
      .init(targets),
    ] {
      memory.baseAddress?.deallocate()
    }
  }

  private static func zeros<T: ExpressibleByIntegerLiteral>(_ count: Int)
    -> UnsafeMutableBufferPointer<T>
  {
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: max(count, 1) * MemoryLayout<T>.stride, alignment: 64)
    let values = UnsafeMutableBufferPointer(
      start: memory.bindMemory(to: T.self, capacity: max(count, 1)), count: count)
    values.initialize(repeating: 0)
    return values
  }
}
