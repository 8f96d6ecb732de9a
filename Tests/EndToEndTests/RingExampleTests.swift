import Foundation
import RankTesting
import Testing

/// A package outside this one that uses the MPI binding alone (`Launch/examples/mpi-ring`).
struct RingExampleTests {
  @Test func theBindingAloneServesAPackageOutside() throws {
    let program = try Programs.example("mpi-ring")
    for ranks in [1, 2, 4] {
      let ring = try Programs.run("/usr/bin/env", TestMPI.command(ranks) + [program])
      #expect(ring.status == 0, "\(ring.errors)")
      let sum = ranks * (ranks - 1) / 2
      #expect(
        ring.output.hasSuffix(": \(ranks) ranks, ring \(sum), all-reduce \(sum)\n"),
        "\(ring.output)")
    }
    let libraries = try Programs.run("/usr/bin/env", ["ldd", program]).output
    #expect(libraries.contains(TestMPI.kind == .openMPI4 ? "libmpi.so.40" : "libmpi"))
  }
}
