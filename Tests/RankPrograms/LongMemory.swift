import Glibc

/// Address space that gets memory only where it is touched: buffers of any length for calls that
/// must refuse them.
struct UntouchedMemory: ~Copyable {
  private let region: UnsafeMutableBufferPointer<UInt8>

  init(byteCount: Int) {
    let address = mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let address, address != MAP_FAILED else {
      fatalError("no address space for \(byteCount) bytes")
    }
    region = UnsafeMutableBufferPointer(
      start: address.assumingMemoryBound(to: UInt8.self), count: byteCount)
  }

  deinit { munmap(region.baseAddress, region.count) }

  @_lifetime(borrow self)
  borrowing func bytes(_ count: Int) -> Span<UInt8> {
    _overrideLifetime(
      Span(_unsafeElements: UnsafeBufferPointer(region[..<count].rebased)), borrowing: self)
  }

  @_lifetime(&self)
  mutating func mutableBytes(_ count: Int) -> MutableSpan<UInt8> {
    _overrideLifetime(MutableSpan(_unsafeElements: region[..<count].rebased), mutating: &self)
  }
}

extension Slice where Base == UnsafeMutableBufferPointer<UInt8> {
  fileprivate var rebased: UnsafeMutableBufferPointer<UInt8> {
    UnsafeMutableBufferPointer(rebasing: self)
  }
}

/// A long buffer that is quick to move: all windows of 16 MiB but the last part share the same
/// memory.
///
/// The bytes past the last whole window have their own memory.
struct RepeatingMemory: ~Copyable {
  private static let window = 16 << 20
  private let region: UnsafeMutableBufferPointer<UInt8>

  init(byteCount: Int) {
    let name = "/lockstep-repeating-\(getpid())-\(UInt64.random(in: 0 ... .max))"
    let file = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0o600)
    shm_unlink(name)
    let length = (byteCount + Self.window - 1) / Self.window * Self.window
    let start = mmap(
      nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard file >= 0, ftruncate(file, Self.window) == 0, let start, start != MAP_FAILED else {
      fatalError("no \(byteCount) bytes")
    }
    for offset in stride(from: 0, through: byteCount - Self.window, by: Self.window) {
      let mapped = mmap(
        start + offset, Self.window, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0)
      if mapped == MAP_FAILED { fatalError("window at \(offset) is not mapped") }
    }
    close(file)
    region = UnsafeMutableBufferPointer(
      start: start.assumingMemoryBound(to: UInt8.self), count: byteCount)
  }

  deinit {
    munmap(region.baseAddress, (region.count + Self.window - 1) / Self.window * Self.window)
  }

  var bytes: Span<UInt8> {
    @_lifetime(borrow self)
    borrowing get {
      _overrideLifetime(Span(_unsafeElements: UnsafeBufferPointer(region)), borrowing: self)
    }
  }

  var mutableBytes: MutableSpan<UInt8> {
    @_lifetime(&self)
    mutating get { _overrideLifetime(MutableSpan(_unsafeElements: region), mutating: &self) }
  }

  /// The positions of one window and those past the last whole one: all positions with different
  /// memory.
  private var positions: [Range<Int>] {
    [0..<Self.window, region.count / Self.window * Self.window..<region.count]
  }

  private func value(at position: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: position % 251 + position / Self.window)
  }

  mutating func fill() {
    for range in positions { for position in range { region[position] = value(at: position) } }
  }

  var isFilled: Bool {
    positions.allSatisfy { range in range.allSatisfy { region[$0] == value(at: $0) } }
  }
}
