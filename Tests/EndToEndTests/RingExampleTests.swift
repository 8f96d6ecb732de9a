import Foundation
import RankTesting
import Testing

/// A package outside this one that uses the MPI binding alone (`Launch/examples/mpi-ring`).
struct RingExampleTests {
  @Test func theBindingAloneServesAPackageOutside() throws {
    let package = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../../Launch/examples/mpi-ring"
    ).standardizedFileURL.path
    let scratch = Programs.directory.deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "mpi-ring").path
    let built = try Programs.run(
      "/usr/bin/env",
      ["swift", "build", "--package-path", package, "--scratch-path", scratch], limit: 600)
    try #require(built.status == 0, "\(built.output)\(built.errors)")
    let program = scratch + "/debug/mpi-ring"
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
