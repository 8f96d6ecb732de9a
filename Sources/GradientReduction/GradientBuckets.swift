import MPI
import Vectors

/// Sums a gradient over the ranks bucket by bucket, each as soon as it is complete, while the
/// backward pass goes on.
///
/// A bucket is a run of tensors that a backward pass completes one after another: the vector is cut
/// from its end. Of each bucket every rank owns a piece. It gets the others' gradients of its piece
/// (one all-to-all), adds them in the order of the ranks, and, where all are to have the sum, gives
/// it to them (one all-gather): the bytes of a ring, in two messages' time. MPI only moves data, so
/// a sum does not depend on when a bucket left, nor on how the vector is cut, and has the same bits
/// on every rank.
///
/// Why not MPI_Iallreduce: Open MPI 4.1 reduces in place to one rank and broadcasts from there,
/// which sends twice the bytes of a ring over its link, and adds with its own loops inside
/// MPI_Test.
///
/// Open MPI moves nothing outside of its calls: ``poll()`` is to be called about once in half a
/// millisecond.
public final class GradientBuckets {
  private let buckets: [Bucket]
  private let layout: TensorLayout
  private let rank: Int
  private let scatters: RequestQueue
  /// Nil where only a piece's owner needs its sum.
  private let gathers: RequestQueue?
  /// The others' gradients of this rank's pieces.
  private let arrived: Memory
  /// The vector that is being summed, as long as one is.
  private var flight: Flight?
  /// How many buckets have left, and of these how many are summed.
  private var started = 0
  private var summed = 0
  private var failure: MPIError?

  private struct Bucket {
    let range: Range<Int>
    let own: Range<Int>
    /// In the vector, each rank's piece but the own.
    let sent: CountsAndDisplacements
    /// In `arrived`, each rank's gradient of the own piece.
    let received: CountsAndDisplacements
    /// In the vector, all pieces.
    let gathered: CountsAndDisplacements
    /// Where each rank's gradient is when position 0 is the vector's; nil for the own.
    let sources: [UnsafeMutablePointer<Float>?]
  }

  /// A vector's memory, which outlives one that is dropped while it is under way.
  public final class Memory {
    public let base: UnsafeMutablePointer<Float>

    public init(_ count: Int) {
      let bytes = max(count, TensorLayout.alignment) * MemoryLayout<Float>.stride
      let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
      memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
      base = memory.assumingMemoryBound(to: Float.self)
    }

    deinit { UnsafeMutableRawPointer(base).deallocate() }

    /// A vector of zeros in memory of its own.
    static func vector(_ layout: TensorLayout) -> FlatVector {
      let memory = Memory(layout.elementCount)
      return FlatVector(layout, at: memory.base, keptBy: memory)
    }
  }

  /// `piece` gives the part of a range that a rank owns; without one each bucket is divided
  /// equally. Collective.
  ///
  /// `gathers` says whether all ranks get all sums; `bytes` is a bucket's size where it is not to
  /// follow from the gradient's.
  public convenience init(
    _ layout: TensorLayout, bytes: Int? = nil, gathers: Bool,
    piece: ((_ range: Range<Int>, _ rank: Int) -> Range<Int>)? = nil,
    on world: borrowing Communicator
  ) throws(MPIError) {
    let size = world.size
    let plan = BucketPlan(
      layout, bytes: bytes, owners: size, piece: piece ?? { $0.part($1, of: size) })
    try self.init(layout, plan, gathers: gathers, on: world)
  }

  /// Buckets of a plan whose owners are the ranks of `world`. Collective.
  init(
    _ layout: TensorLayout, _ plan: BucketPlan, gathers: Bool, on world: borrowing Communicator
  ) throws(MPIError) {
    let (rank, size) = (world.rank, world.size)
    let arrived = Memory((size - 1) * plan.buckets.reduce(0) { $0 + $1.pieces[rank].count })
    var place = 0
    var buckets: [Bucket] = []
    for bucket in plan.buckets {
      let (own, pieces) = (bucket.pieces[rank], bucket.pieces)
      var received: [Range<Int>] = []
      for other in 0..<size {
        let end = place + (other == rank ? 0 : own.count)
        received.append(place..<end)
        place = end
      }
      buckets.append(
        Bucket(
          range: bucket.range, own: own,
          sent: try CountsAndDisplacements(
            pieces.enumerated().map { $0 == rank ? $1.lowerBound..<$1.lowerBound : $1 }),
          received: try CountsAndDisplacements(received),
          gathered: try CountsAndDisplacements(pieces),
          sources: received.enumerated().map {
            $0 == rank ? nil : arrived.base + $1.lowerBound - own.lowerBound
          }))
    }
    (self.layout, self.rank, self.buckets, self.arrived) = (layout, rank, buckets, arrived)
    scatters = try RequestQueue(on: world)
    self.gathers = gathers ? try RequestQueue(on: world) : nil
  }

  /// Memory for a gradient that is to be summed here.
  public func makeGradient() -> FlatVector { Memory.vector(layout) }

  /// Sends off the buckets that lie at or after a position, the gradient being complete from there
  /// on. It is not to be touched there until ``finish(_:)``.
  ///
  /// An error is kept until then.
  public func start(_ gradient: inout FlatVector, from position: Int) {
    attempt { () throws(MPIError) in
      try begin(&gradient, from: position)
      try advance(isWaiting: false)
    }
  }

  /// Lets messages move, and adds what has arrived.
  public func poll() {
    guard flight != nil else { return }
    attempt { () throws(MPIError) in try advance(isWaiting: false) }
  }

  /// Sends off the rest of the gradient and returns when all sums are there.
  public func finish(_ gradient: inout FlatVector) throws(MPIError) {
    if let failure { throw failure }
    try begin(&gradient, from: 0)
    try advance(isWaiting: true)
    (flight, started, summed) = (nil, 0, 0)
  }

  /// Whether any bucket has left that is not summed yet everywhere it is to be.
  public var isUnderWay: Bool { flight != nil }

  private func attempt(_ body: () throws(MPIError) -> Void) {
    guard failure == nil else { return }
    do throws(MPIError) { try body() } catch { failure = error }
  }

  private func begin(_ gradient: inout FlatVector, from position: Int) throws(MPIError) {
    guard let owner = gradient.owner else {
      preconditionFailure("a gradient that is summed in buckets is made by makeGradient()")
    }
    let flight = flight ?? Flight(base: gradient.base, owner: owner, arrived: arrived)
    precondition(flight.base == gradient.base, "another gradient is being summed")
    self.flight = flight
    while started < buckets.count && buckets[started].range.lowerBound >= position {
      let bucket = buckets[started]
      try scatters.startAllToAll(
        flight.base, bucket.sent, into: arrived.base, bucket.received, keeping: flight)
      started += 1
    }
  }

  private func advance(isWaiting: Bool) throws(MPIError) {
    guard let flight else { return }
    while summed < started {
      if isWaiting {
        try scatters.waitForOldest()
      } else if try !scatters.takeOldest() {
        return
      }
      let bucket = buckets[summed]
      var total = FlatVector(layout, at: flight.base, keptBy: flight)
      _ = total.set(bucket.own, toSumOf: bucket.sources.map { $0 ?? flight.base })
      try gathers?.startAllGather(inPlace: flight.base, bucket.gathered, keeping: flight)
      summed += 1
    }
    guard let gathers else { return }
    while !gathers.isEmpty {
      if isWaiting {
        try gathers.waitForOldest()
      } else if try !gathers.takeOldest() {
        return
      }
    }
  }
}

/// The memory that messages read and write.
private final class Flight {
  /// The gradient's first element.
  let base: UnsafeMutablePointer<Float>
  private let owner: AnyObject
  private let arrived: GradientBuckets.Memory

  init(base: UnsafeMutablePointer<Float>, owner: AnyObject, arrived: GradientBuckets.Memory) {
    (self.base, self.owner, self.arrived) = (base, owner, arrived)
  }
}

extension Range<Int> {
  /// One of `count` parts of about equal length, which start at cache lines where the range does.
  fileprivate func part(_ index: Int, of count: Int) -> Range<Int> {
    func border(_ index: Int) -> Int {
      index == count
        ? upperBound
        : lowerBound + self.count * index / count / TensorLayout.alignment * TensorLayout.alignment
    }
    return border(index)..<border(index + 1)
  }
}
