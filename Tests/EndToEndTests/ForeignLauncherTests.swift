import Foundation
import RankTesting
import Testing

/// A worker that another MPI's mpirun starts.
struct ForeignLauncherTests {
  /// An mpirun of the other family, where there is one.
  private static let other: String? = {
    let names = TestMPI.isMPICH ? ["mpirun.openmpi"] : ["mpirun.mpich"]
    return names.map { "/usr/bin/\($0)" }.first(where: FileManager.default.isExecutableFile)
  }()

  @Test(.enabled(if: other != nil, "no mpirun of another MPI is installed"))
  func isRefusedInOneLineThatNamesBoth() throws {
    let folder = TemporaryFolder()
    let mpirun = try #require(Self.other)
    let oversubscribe = TestMPI.isMPICH ? ["--oversubscribe"] : []
    let outcome = try Programs.run(
      "/usr/bin/env",
      [mpirun, "-n", "2"] + oversubscribe + [
        Programs.path("lockstep-worker"), folder.experiment(steps: 5), "--output",
        folder.path("run"),
      ])
    #expect(outcome.status == 78, "\(outcome.status): \(outcome.errors)")
    #expect(outcome.rankLines.count == 1, "\(outcome.errors)")
    let line = outcome.rankLines.first ?? ""
    #expect(line.contains("Open MPI") && line.contains("MPICH"), "\(line)")
    #expect(!FileManager.default.fileExists(atPath: folder.path("run/metrics.jsonl")))
  }

  @Test(.enabled(if: other != nil, "no mpirun of another MPI is installed"))
  func theCoordinatorRefusesItBeforeAnythingStarts() throws {
    let folder = TemporaryFolder()
    let outcome = try Programs.run(
      Programs.path("lockstep"),
      ["run", folder.experiment(steps: 5), "-n", "2", "--output", folder.path("run")],
      environment: ["LOCKSTEP_MPIRUN": try #require(Self.other)])
    #expect(outcome.status == 78, "\(outcome.errors)")
    #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
    #expect(outcome.errors.contains("Open MPI") && outcome.errors.contains("MPICH"))
    #expect(!FileManager.default.fileExists(atPath: folder.path("run")))
  }

  /// The coordinator takes the mpirun of the worker's MPI, whichever `mpirun` is.
  @Test(.enabled(if: other != nil, "no mpirun of another MPI is installed"))
  func anotherMpirunOnThePathIsPassedOver() throws {
    let folder = TemporaryFolder()
    try FileManager.default.createDirectory(
      atPath: folder.path("bin"), withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: folder.path("bin/mpirun"), withDestinationPath: try #require(Self.other))
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    let outcome = try Programs.run(
      Programs.path("lockstep"),
      ["run", folder.experiment(steps: 5), "-n", "2", "--output", folder.path("run")],
      environment: ["PATH": "\(folder.path("bin")):\(path)", "LOCKSTEP_MPIRUN": ""])
    #expect(outcome.status == 0, "\(outcome.errors)")
  }
}
