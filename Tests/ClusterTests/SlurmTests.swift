import Foundation
import GradientNorms
import RankTesting
import Recording
import Reports
import Testing

/// `Launch/slurm/train.sbatch` under a private Slurm, on three hosts in network namespaces.
@Suite(
  .serialized,
  .enabled(
    if: Cluster.hasSlurm, "Slurm's tests need slurm-wlm and munge, and all that several hosts need")
)
struct SlurmTests {
  private static var repository: URL {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
  }

  /// Slurm on a cluster's hosts, its commands run on the first, in the cluster's directory.
  private struct Slurm {
    let cluster: Cluster

    init() throws {
      cluster = try Cluster(hosts: 3)
      let start = SlurmTests.repository.appending(path: "Tests/Cluster/slurm/start").path
      let outcome = try Programs.run(start, [cluster.directory, "3"], limit: 60)
      guard outcome.status == 0 else { throw Cluster.Failure(text: outcome.errors) }
    }

    /// Writes the experiment that jobs read when they start and restart.
    func write(steps: Int) throws {
      try """
      name = "small"
      [model]
      hidden = [16]
      [training]
      global_batch = 96
      micro_batch = 16
      steps = \(steps)
      [optimizer]
      kind = "momentum"
      [clip]
      rule = "global"
      """.write(toFile: cluster.directory + "/small.toml", atomically: true, encoding: .utf8)
    }

    func run(_ command: [String], limit: Double = 120) throws -> Outcome {
      let environment = [
        "SLURM_CONF": cluster.directory + "/slurm/slurm.conf",
        "LOCKSTEP_WORKER": Programs.path("lockstep-worker"),
        "LOCKSTEP_LAUNCHER": TestMPI.mpirun,
        // The hosts are one machine: each would bind its first rank to the same core.
        "OMPI_MCA_hwloc_base_binding_policy": "none", "OMPI_MCA_mpi_yield_when_idle": "1",
      ]
      // Slurm's own way to the hosts.
      let script = "unset HYDRA_LAUNCHER_EXEC; cd \"$0\" && exec \"$@\""
      return try cluster.on(
        "node1", ["sh", "-c", script, cluster.directory] + command,
        environment: environment
      )
      .finish(limit: limit)
    }

    /// Hands a job to the queue and returns its number.
    func submit(_ options: [String], _ arguments: [String] = []) throws -> String {
      let script = SlurmTests.repository.appending(path: "Launch/slurm/train.sbatch").path
      let command =
        ["sbatch", "--parsable", "--nodes=3", "--ntasks-per-node=1"] + options + [
          script, cluster.directory + "/small.toml",
        ]
      let outcome = try run(command + arguments)
      guard outcome.status == 0 else { throw Cluster.Failure(text: outcome.errors) }
      return outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func log(of job: String) -> String {
      (try? String(contentsOfFile: "\(cluster.directory)/lockstep-\(job).log", encoding: .utf8))
        ?? ""
    }

    /// Waits until the job's log holds this text, which marks its end or its continuation.
    func wait(for limit: Double, job: String, until text: String) -> Bool {
      let deadline = Date().addingTimeInterval(limit)
      while Date() < deadline {
        if log(of: job).contains(text) { return true }
        usleep(50_000)
      }
      return false
    }

    func report(of job: String) throws -> ConvergenceReport {
      let file = URL(filePath: "\(cluster.directory)/runs/lockstep-\(job)/report.json")
      return try JSONDecoder().decode(ConvergenceReport.self, from: Data(contentsOf: file))
    }
  }

  /// The controller sends the signal of the time limit: the job writes a checkpoint, is requeued,
  /// and finishes the run.
  @Test func aTimeLimitLeadsToACheckpointARequeueAndTheEnd() throws {
    let slurm = try Slurm()
    try slurm.write(steps: 100_000_000)
    // The controller looks at limits every 30 s; with this limit its first look sends the signal.
    let job = try slurm.submit(["--time=2", "--signal=B:USR1@119"])
    try #require(
      slurm.wait(for: 90, job: job, until: "the run ended with exit code 75"),
      "\(slurm.log(of: job))")
    let stopped = try slurm.report(of: job)
    #expect(stopped.verdict == .stopped && stopped.steps > 0)
    try slurm.write(steps: stopped.steps + 200)
    try #require(
      slurm.wait(for: 5, job: job, until: "goes on from its checkpoint when the queue lets it"))
    try #require(
      slurm.wait(for: 60, job: job, until: "start 2, 3 tasks on node[1-3]"), "\(slurm.log(of: job))"
    )
    try #require(
      slurm.wait(for: 60, job: job, until: "the run ended with exit code 0"),
      "\(slurm.log(of: job))")
    #expect(slurm.log(of: job).contains("resumed after step \(stopped.steps)"))
    let ended = try slurm.report(of: job)
    #expect(
      ended.steps == stopped.steps + 200 && ended.verdict != .stopped
        && ended.ranks.map(\.host) == ["node1", "node2", "node3"])
  }

  @Test func aJobTrainsToTheEnd() throws {
    let slurm = try Slurm()
    try slurm.write(steps: 300)
    let job = try slurm.submit(["--time=5"])
    try #require(
      slurm.wait(for: 60, job: job, until: "the run ended with exit code 0"),
      "\(slurm.log(of: job))")
    let report = try slurm.report(of: job)
    #expect(
      report.steps == 300 && report.ranks.map(\.host) == ["node1", "node2", "node3"]
        && (report.final.accuracy ?? 0) > 0.6)
    // A bad option ends the job and does not requeue it.
    let wrong = try slurm.submit(["--time=5"], ["--set", "model.hiden=[3]"])
    try #require(
      slurm.wait(for: 60, job: wrong, until: "the run ended with exit code 64"),
      "\(slurm.log(of: wrong))")
    #expect(!slurm.log(of: wrong).contains("goes on"))
  }
}
