import Benchmark
import GradientReduction
import MPI
import Training

let benchPrograms: [RankProgram] = [
  // Rank 1's clock is moved forward or back: the measured offset is that, to within half a round
  // trip.
  RankProgram("clock-offset") { world, _ in
    for shift in [0, 5_000_000_000, -3_000_000_000] as [Int64] {
      let found = try ClockOffset(on: world) {
        monotonicNanoseconds() &+ UInt64(bitPattern: world.rank == 1 ? shift : 0)
      }
      try expect(
        (found == nil) == (world.rank == 1), "rank \(world.rank) got \(String(describing: found))")
      guard let found else { continue }
      try expect(
        found.roundTrip > 0 && found.roundTrip < 1_000_000_000,
        "a round trip of \(found.roundTrip) ns")
      try expect(
        abs(found.nanoseconds - shift) <= found.roundTrip / 2 + 1,
        "\(found) for a shift of \(shift) ns")
    }
  }
]
