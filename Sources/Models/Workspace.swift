/// Memory for Float32 values that a model computes on its way, 64-byte aligned, kept from call to
/// call.
public final class Workspace {
  public private(set) var base: UnsafeMutablePointer<Float>
  /// How many values there is room for.
  public private(set) var count = 0

  public init() { base = Self.allocate(0) }

  deinit { UnsafeMutableRawPointer(base).deallocate() }

  /// Makes room for `count` values; what was there is lost if it has to grow.
  public func reserve(_ count: Int) {
    guard count > self.count else { return }
    UnsafeMutableRawPointer(base).deallocate()
    base = Self.allocate(count)
    self.count = count
  }

  private static func allocate(_ count: Int) -> UnsafeMutablePointer<Float> {
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: max(count, 1) * MemoryLayout<Float>.stride, alignment: 64)
    memory.initializeMemory(as: Float.self, repeating: 0, count: max(count, 1))
    return memory.assumingMemoryBound(to: Float.self)
  }
}
