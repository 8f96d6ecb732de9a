/// The samples of one micro-batch, as a model reads them; its memory is made once and reused.
///
/// `inputs` is row-major, one row of `width` values a sample; `labels` holds each sample's class, `targets` its `targetWidth` values for a
/// squared error. A reader fills what its data has.
public struct Batch: ~Copyable {
  /// The most samples it can hold.
  public let capacity: Int
  public let width: Int
  public let targetWidth: Int
  /// The samples it holds now.
  public var count = 0
  public let inputs: UnsafeMutableBufferPointer<Float>
  public let labels: UnsafeMutableBufferPointer<Int32>
  public let targets: UnsafeMutableBufferPointer<Float>

  public init(capacity: Int, width: Int, targetWidth: Int) {
    self.capacity = capacity
    self.width = width
    self.targetWidth = targetWidth
    inputs = Self.aligned(capacity * width)
    labels = Self.aligned(capacity)
    targets = Self.aligned(capacity * targetWidth)
    inputs.initialize(repeating: 0)
    labels.initialize(repeating: 0)
    targets.initialize(repeating: 0)
  }

  deinit {
    UnsafeMutableRawPointer(inputs.baseAddress!).deallocate()
    UnsafeMutableRawPointer(labels.baseAddress!).deallocate()
    UnsafeMutableRawPointer(targets.baseAddress!).deallocate()
  }

  private static func aligned<T>(_ count: Int) -> UnsafeMutableBufferPointer<T> {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * MemoryLayout<T>.stride, alignment: 64)
    return UnsafeMutableBufferPointer(start: memory.bindMemory(to: T.self, capacity: max(count, 1)), count: count)
  }
}
