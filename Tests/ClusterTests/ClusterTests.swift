import Foundation
import RankTesting
import Recording
import Reports
import Testing

/// `lockstep run --hosts` on several hosts, each with its own name, address, /tmp and /dev/shm.
@Suite(.serialized, .enabled(if: Cluster.isPossible, Comment(rawValue: Cluster.need)))
struct ClusterTests {
  private static let hosts = "node1:2,node2:2,node3:2"
  private static let settings = [
    "--set", "model.hidden=[16]", "--set", "training.global_batch=96", "--set",
    "training.micro_batch=16", "--set",
    "optimizer.kind=momentum",
    "--set", "optimizer.learning_rate=0.05", "--set", "clip.rule=global",
  ]

  private func experiment(in cluster: Cluster) throws -> String {
    let path = cluster.directory + "/small.toml"
    try "name = \"small\"\n".write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  private func run(_ cluster: Cluster, _ arguments: [String], hosts: String = hosts) throws
    -> RunningProgram
  {
    let command = [
      Programs.path("lockstep"), "run", try experiment(in: cluster), "-n", "auto", "--hosts", hosts,
    ]
    return try cluster.on("node1", command + Self.settings + arguments)
  }

  private func lastLine(_ outcome: Outcome) -> String {
    outcome.errors.split(separator: "\n").last.map(String.init) ?? ""
  }

  /// Three hosts with their own disks, against six ranks of one host; then the same run in two
  /// parts, the second on fewer hosts.
  @Test func severalHostsComputeTheBitsOfOne() throws {
    let cluster = try Cluster(hosts: 3)
    let steps = [
      "--set", "training.reproducible=true", "--set", "training.steps=40", "--set",
      "checkpoint.every=10",
    ]
    let local = try Programs.run(
      Programs.path("lockstep"),
      ["run", experiment(in: cluster), "-n", "6", "--output", cluster.directory + "/local"]
        + Self.settings + steps)
    try #require(local.status == 0, "\(local.errors)")
    let whole = try run(cluster, steps + ["--output", "/tmp/whole"]).finish()
    try #require(whole.status == 0, "\(whole.errors)")
    #expect(
      whole.errors.contains(
        "note: /tmp/whole is not shared: the run's files are on node1; logs of node2, node3 stay there"
      ))
    let expected = try Data(
      contentsOf: URL(filePath: cluster.directory + "/local/final.safetensors"))
    #expect(
      try Data(contentsOf: cluster.file("/tmp/whole/final.safetensors", of: "node1")) == expected)

    let environment = try JSONDecoder().decode(
      EnvironmentRecord.self,
      from: Data(contentsOf: cluster.file("/tmp/whole/environment.json", of: "node1")))
    #expect(
      environment.hosts == ["node1", "node2", "node3"] && environment.ranksPerHost == [2, 2, 2])
    #expect(try cluster.shell("node1", "ls /tmp/whole/logs").contains("rank-1.log"))
    #expect(
      try cluster.shell("node2", "cd /tmp/whole; find . -type f | sort")
        == "./logs/rank-2.log\n./logs/rank-3.log\n")
    // Rank 0 has the lines of every rank, and the check leaves no file.
    let ranks = try String(
      contentsOf: cluster.file("/tmp/whole/ranks.jsonl", of: "node1"), encoding: .utf8
    ).split(separator: "\n")
    #expect(ranks.count == 4 * 6 && ranks.count { $0.contains("\"node3\"") } == 4 * 2)
    #expect(try cluster.shell("node1", "ls -A /tmp/whole/logs").contains(".host-check") == false)

    let part = try run(cluster, steps + ["--output", "/tmp/parts", "--set", "training.steps=20"])
      .finish()
    try #require(part.status == 0, "\(part.errors)")
    let rest = try run(
      cluster, steps + ["--output", "/tmp/parts", "--resume"], hosts: "node3:1,node1:2"
    ).finish()
    try #require(rest.status == 0, "\(rest.errors)")
    #expect(rest.errors.contains("resumed after step 20"))
    #expect(
      try Data(contentsOf: cluster.file("/tmp/parts/final.safetensors", of: "node1")) == expected)
  }

  /// The default exchange: shared memory within a host, messages between hosts.
  @Test func theDefaultExchangeTrainsAcrossHosts() throws {
    let cluster = try Cluster(hosts: 3)
    let outcome = try run(
      cluster, ["--output", cluster.directory + "/run", "--set", "training.steps=150"]
    ).finish()
    try #require(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("weights identical on all ranks"))
    #expect(
      outcome.errors.contains(
        /a machine has more ranks than cores|some of these hosts are one machine/))
    let report = try JSONDecoder().decode(
      ConvergenceReport.self,
      from: Data(contentsOf: URL(filePath: cluster.directory + "/run/report.json")))
    #expect(
      (report.final.accuracy ?? 0) > 0.65
        && report.ranks.map(\.host) == ["node1", "node1", "node2", "node2", "node3", "node3"])
  }

  @Test func hostsThatCannotTakePartAreNamed() throws {
    let cluster = try Cluster(hosts: 3)
    let run = { (hosts: String, output: String) in
      try self.run(cluster, ["--output", output], hosts: hosts).finish()
    }

    let unknown = try run("node1:2,node9:2,node2:2", "/tmp/run")
    #expect(unknown.status == 78)
    #expect(
      lastLine(unknown).contains(
        /lockstep: node9: cannot be reached by agent: .*Name or service not known/),
      "\(unknown.errors)")
    #expect(unknown.errors.split(separator: "\n").count == 1)

    try cluster.change("link", ["node3", "down"])
    let down = try run(Self.hosts, "/tmp/run")
    #expect(down.status == 78)
    #expect(
      lastLine(down).hasPrefix("lockstep: node3: no answer through agent within 8 s"),
      "\(down.errors)")
    try cluster.change("link", ["node3", "up"])

    // A host with another build and one without the data: both are reported, with the exit code of
    // the build.
    let worker = Programs.path("lockstep-worker")
    try cluster.shell(
      "node2", "cp '\(worker)' /tmp/other; echo >>/tmp/other; mount --bind /tmp/other '\(worker)'")
    try cluster.shell("node3", "mount -t tmpfs tmpfs /usr/share/datasets/fashion-mnist")
    let both = try run(Self.hosts, "/tmp/run")
    #expect(both.status == 78)
    #expect(
      both.errors.contains(
        /lockstep: node2: .*lockstep-worker is another build there \(SHA-256 [0-9a-f]{12}, here [0-9a-f]{12}\)/
      ),
      "\(both.errors)")
    #expect(
      both.errors.contains(
        /lockstep: node3: .*train-images-idx3-ubyte.*: there is no such file; every host reads the data/
      ),
      "\(both.errors)")
    #expect(!both.errors.contains("node1:"))
    try cluster.shell("node2", "umount '\(worker)'")
    let data = try run(Self.hosts, "/tmp/run")
    #expect(data.status == 65, "\(data.errors)")
    // One byte of one file.
    try cluster.shell("node3", "umount /usr/share/datasets/fashion-mnist")
    let file = "/usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz"
    try cluster.shell(
      "node3",
      "cp \(file) /tmp/labels; printf x | dd of=/tmp/labels bs=1 seek=100 conv=notrunc status=none; mount --bind /tmp/labels \(file)"
    )
    let changed = try run(Self.hosts, "/tmp/run")
    #expect(
      changed.status == 65
        && lastLine(changed).hasPrefix("lockstep: node3: \(file) is another file than on node1"),
      "\(changed.errors)")
    try cluster.shell("node3", "umount \(file)")

    // A worker that is missing, and a run directory that the first host cannot write, or that other
    // hosts do not see.
    try cluster.shell("node2", "mount -t tmpfs tmpfs '\(Programs.directory.path)'")
    let absent = try run(Self.hosts, "/tmp/run")
    #expect(
      absent.status == 78
        && lastLine(absent).contains(/node2: .*lockstep-worker does not start there:/),
      "\(absent.errors)")
    try cluster.shell("node1", "mkdir /tmp/sealed; mount -t tmpfs -o ro tmpfs /tmp/sealed")
    let sealed = try run("node1:2,node3:2", "/tmp/sealed/run")
    #expect(
      sealed.status == 64
        && lastLine(sealed).contains(
          "node1: /tmp/sealed/run cannot be written: Read-only file system"),
      "\(sealed.errors)")
    let apart = try run("node3:2", "/tmp/run")
    #expect(
      apart.status == 64 && lastLine(apart).contains("node3: /tmp/run is on its own disk"),
      "\(apart.errors)")
    #expect(
      try cluster.shell("node1", "ls -A /tmp").contains("run") == false, "the check left nothing")
  }

  /// A host that loses power sends no message: without keepalive the job would hang for minutes.
  /// Hydra has no keepalive: there the watch for stalls names the host and ends the job.
  @Test func aHostThatCrashesEndsTheJobWithItsName() throws {
    let cluster = try Cluster(hosts: 3)
    let limit = TestMPI.isMPICH ? ["--stall-warn", "1", "--stall-abort", "6"] : []
    let job = try run(
      cluster,
      ["--output", cluster.directory + "/run", "--set", "training.steps=1000000"] + limit)
    try #require(job.wait { job.errors.contains("step ") }, "\(job.errors)")
    try cluster.change("crash", ["node3"])
    let start = Date()
    let outcome = try job.finish()
    #expect(
      outcome.status == 70 && Date().timeIntervalSince(start) < 30,
      "\(Date().timeIntervalSince(start)) s")
    #expect(
      TestMPI.isMPICH
        ? lastLine(outcome).contains(/on node3.*: its host does not answer/)
        : lastLine(outcome).hasPrefix("lockstep: node3 can no longer be reached"),
      "\(outcome.errors)")
    #expect(job.wait(for: 10) { job.descendants.isEmpty }, "\(job.descendants)")
  }

  /// A host whose processes all end at once: mpirun only reports that a daemon did not start, so
  /// the coordinator checks the hosts again.
  @Test func aHostWhoseDaemonIsKilledIsNamedToo() throws {
    let cluster = try Cluster(hosts: 3)
    let job = try run(
      cluster, ["--output", cluster.directory + "/run", "--set", "training.steps=1000000"])
    try #require(job.wait { job.errors.contains("step ") }, "\(job.errors)")
    // Its worker is gone too, as on a host that starts up again from an empty disk.
    try cluster.shell("node3", "mount -t tmpfs tmpfs '\(Programs.directory.path)'")
    let daemons = try cluster.processes(of: "node3").filter { $0.name == TestMPI.daemon }
    try #require(!daemons.isEmpty)
    for daemon in daemons { kill(daemon.identifier, SIGKILL) }
    let outcome = try job.finish()
    #expect(outcome.status == 70, "\(outcome.status)")
    #expect(lastLine(outcome).contains(/node3/), "\(outcome.errors)")
    #expect(job.wait(for: 10) { job.descendants.isEmpty }, "\(job.descendants)")
  }

  @Test func theDoctorSeesHostsOfOneMachine() throws {
    let cluster = try Cluster(hosts: 3)
    let command = [Programs.path("lockstep"), "doctor", "--hosts", Self.hosts, "--json"]
    let outcome = try cluster.on("node1", command).finish(limit: TestMPI.patience)
    try #require(outcome.status == 0, "\(outcome.errors)")
    let answer = try #require(
      try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    #expect(
      (answer["hosts"] as? [[String: Any]])?.compactMap { $0["host"] as? String } == [
        "node1", "node2", "node3",
      ])
    let measured = try #require(answer["measured"] as? [String: Any])
    #expect(
      (measured["ranks"] as? [Any])?.count == 6 && (measured["reductions"] as? [Any])?.count == 5)
    #expect((answer["problems"] as? [Any])?.isEmpty == true)

    // Bound as each host would bind by itself: all first ranks on one core.
    let bound = try cluster.on(
      "node1",
      [
        Programs.path("lockstep"), "doctor", "--hosts", "node1:1,node2:1", "--mpirun-arg",
        "--bind-to", "--mpirun-arg", "core",
      ]
    ).finish()
    #expect(
      bound.status == 0
        && bound.output.contains("node1, node2: ranks 0-1 are all bound to processor 0"),
      "\(bound.output)\(bound.errors)")
    let missing = try cluster.on(
      "node1", [Programs.path("lockstep"), "doctor", "--hosts", "node1:1,node7:1"]
    ).finish()
    #expect(
      missing.status == 78 && missing.output.contains("problem: node7: cannot be reached"),
      "\(missing.output)")
  }
}
