import Foundation
import RankTesting
import Testing

/// A stopped rank on another host than rank 0's: the watcher of its host reports it over its own
/// connection (D1).
@Suite(.serialized, .enabled(if: Cluster.isPossible, Comment(rawValue: Cluster.need)))
struct StallClusterTests {
  private static let limits = ["--stall-warn", "0.5", "--stall-abort", "3"]

  private func experiment(in cluster: Cluster) throws -> String {
    let path = cluster.directory + "/small.toml"
    try """
    name = "small"
    [model]
    hidden = [16]
    [training]
    global_batch = 64
    steps = 1000000
    """.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  /// Stops the one worker of `node2` and returns how the job ended.
  private func stopTheSecond(_ cluster: Cluster, _ job: RunningProgram, whenSeen text: () -> String)
    throws -> Outcome
  {
    try #require(job.wait { text().contains("step ") }, "\(job.errors)\(job.output)")
    let workers = try cluster.processes(of: "node2").filter { $0.name.hasPrefix("lockstep-worke") }
    try #require(workers.count == 1, "\(workers)")
    kill(workers[0].identifier, SIGSTOP)
    let outcome = try job.finish(limit: 60)
    #expect(job.wait(for: 10) { job.descendants.isEmpty }, "\(job.descendants)")
    return outcome
  }

  @Test func aStoppedRankOfAnotherHostIsNamed() throws {
    let cluster = try Cluster(hosts: 2)
    let job = try cluster.on(
      "node1",
      [
        Programs.path("lockstep"), "run", try experiment(in: cluster), "-n", "2", "--hosts",
        "node1:1,node2:1", "--output",
        cluster.directory + "/run",
      ] + Self.limits)
    let outcome = try stopTheSecond(cluster, job) { job.errors }
    #expect(outcome.status == 70, "\(outcome.errors)")
    #expect(
      outcome.errors.contains(/warning: rank 1 on node2.*stopped \(process/), "\(outcome.errors)")
    let last = outcome.errors.split(separator: "\n").last ?? ""
    #expect(last.contains("rank 1 on node2") && last.contains("the run is ended"), "\(last)")
    // The records of the other host arrived over the connection too.
    let entries = try String(
      contentsOfFile: cluster.directory + "/run/stalls/rank-1.jsonl", encoding: .utf8
    ).split(separator: "\n")
    #expect(
      entries.count > 20 && entries[0].contains("\"host\":\"node2\"")
        && entries[0].contains("\"state\":\"stopped\""), "\(entries.prefix(1))")
  }

  @Test func withoutTheCoordinatorTooAStoppedRankOfAnotherHostIsNamed() throws {
    let cluster = try Cluster(hosts: 2)
    let job = try cluster.on(
      "node1",
      TestMPI.command(2, hosts: ["node1", "node2"]) + [
        Programs.path("lockstep-worker"), try experiment(in: cluster),
        "--output", cluster.directory + "/plain",
      ] + Self.limits)
    let outcome = try stopTheSecond(cluster, job) { job.output }
    #expect(outcome.status == 70, "\(outcome.errors)")
    #expect(
      outcome.errors.contains(/rank 1 on node2: stalled: rank 1 on node2/), "\(outcome.errors)")
  }
}
