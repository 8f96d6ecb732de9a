import GradientReduction
import Glibc
import MPI
import Training

/// How far another rank's monotonic clock is ahead of this machine's, known to within half a
/// message's round trip.
public struct ClockOffset: Sendable {
  public let nanoseconds: Int64
  /// Of the fastest exchange, which the offset is taken from.
  public let roundTrip: Int64

  /// Asks rank 1 of a communicator of two for its time, over and over; nil at that rank.
  ///
  /// As in Cristian's algorithm (1989): the clock is taken to have been read half-way between
  /// question and answer, and the fastest of `exchanges` answers counts, since it leaves the least
  /// room for doubt.
  public init?(
    on pair: borrowing Communicator, exchanges: Int = 50, clock: () -> UInt64 = monotonicNanoseconds
  ) throws {
    precondition(pair.size == 2, "clocks are compared by two ranks, not \(pair.size)")
    var best: (offset: Int64, roundTrip: Int64)?
    for _ in 0..<exchanges {
      if pair.rank == 1 {
        var question: UInt64 = 0
        try pair.receive(&question, from: 0, tag: 0)
        try pair.send(clock(), to: 0, tag: 0)
      } else {
        let asked = clock()
        var theirs: UInt64 = 0
        try pair.send(asked, to: 1, tag: 0)
        try pair.receive(&theirs, from: 1, tag: 0)
        let roundTrip = Int64(clock() - asked)
        if best.map({ roundTrip < $0.roundTrip }) ?? true {
          best = (Int64(theirs) - Int64(asked) - roundTrip / 2, roundTrip)
        }
      }
    }
    guard let best else { return nil }
    (nanoseconds, roundTrip) = best
  }

  /// What is to be added to rank 0's times to get each rank's, in nanoseconds: at rank 0. Ranks of
  /// one machine share its clock. Collective.
  static func ofRanks(hosts: [String], on world: borrowing Communicator) throws -> [Int64] {
    var offsets = [Int64](repeating: 0, count: world.size)
    for rank in 1..<max(1, world.size) where hosts[rank] != hosts[0] {
      let isPart = world.rank == 0 || world.rank == rank
      let pair = try world.split(color: isPart ? 0 : 1)
      if isPart, let offset = try ClockOffset(on: pair) { offsets[rank] = offset.nanoseconds }
      try pair.free()
    }
    return offsets
  }
}

extension ClockOffset {
  /// Wall clocks against rank 0's in nanoseconds, of the first rank of each other host; nil for all
  /// other ranks. At rank 0. Collective.
  static func ofHosts(_ hosts: [String], on world: borrowing Communicator) throws -> [Int64?] {
    var offsets = [Int64?](repeating: nil, count: world.size)
    for rank in hosts.indices where rank > 0 && hosts.firstIndex(of: hosts[rank]) == rank {
      let isPart = world.rank == 0 || world.rank == rank
      let pair = try world.split(color: isPart ? 0 : 1)
      if isPart, let offset = try ClockOffset(on: pair, clock: wallNanoseconds) {
        offsets[rank] = offset.nanoseconds
      }
      try pair.free()
    }
    return offsets
  }
}

/// Nanoseconds since 1970.
private func wallNanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_REALTIME, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
