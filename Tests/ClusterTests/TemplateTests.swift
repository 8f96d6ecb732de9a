import Foundation
import RankTesting
import Testing

/// The templates in Launch are well-formed and agree with the rest; those that run without their
/// scheduler are run.
struct TemplateTests {
  private static let top = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  private func path(_ name: String) -> String { Self.top.appending(path: name).path }
  private func text(_ name: String) throws -> String {
    try String(contentsOf: Self.top.appending(path: name), encoding: .utf8)
  }
  private func lines(_ name: String) throws -> [String] {
    try text(name).split(separator: "\n").map(String.init)
  }

  /// Every file below Launch and Tests/Cluster that begins like a bash script.
  private func scripts() throws -> [String] {
    try ["Launch", "Tests/Cluster"].flatMap { folder in
      let names = FileManager.default.enumerator(atPath: path(folder))!.compactMap { $0 as? String }
      return try names.map { path("\(folder)/\($0)") }.filter { file in
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: file, isDirectory: &isDirectory),
          !isDirectory.boolValue,
          let handle = FileHandle(forReadingAtPath: file)
        else { return false }
        defer { try? handle.close() }
        return try handle.read(upToCount: 19) == Data("#!/usr/bin/env bash".utf8)
      }
    }
  }

  @Test func everyScriptParses() throws {
    let scripts = try scripts()
    for name in [
      "Launch/setup", "Launch/slurm/train.sbatch", "Launch/pbs/train.pbs", "Tests/Cluster/up",
      "Tests/Cluster/slurm/start",
    ] {
      #expect(scripts.contains(path(name)), "\(name)")
    }
    for script in scripts {
      let outcome = try Programs.run("/usr/bin/env", ["bash", "-n", script])
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(FileManager.default.isExecutableFile(atPath: script), "\(script)")
    }
  }

  @Test(
    .enabled(
      if: FileManager.default.isExecutableFile(atPath: "/usr/bin/shellcheck"),
      "shellcheck is not installed"))
  func shellcheckFindsNothing() throws {
    let outcome = try Programs.run("/usr/bin/shellcheck", scripts())
    #expect(outcome.status == 0, "\(outcome.output)")
  }

  // MARK: Containers

  private func packagesOfSetup() throws -> [String] {
    let list = try #require(try text("Launch/setup").firstMatch(of: /\npackages=\(([^)]*)\)/))
    return list.1.split(whereSeparator: \.isWhitespace).map(String.init)
  }

  @Test func theDockerfileInstallsWhatSetupDoesAndCopiesWhatIsThere() throws {
    let lines = try lines("Launch/container/Dockerfile")
    let list = try #require(
      lines.compactMap { try? /ARG packages="([^"]*)"/.wholeMatch(in: $0) }.first)
    #expect(Set(list.1.split(separator: " ").map(String.init)) == Set(try packagesOfSetup()))
    let stages = lines.filter { $0.hasPrefix("FROM ") }
    #expect(stages.count == 2 && stages.allSatisfy { $0.hasPrefix("FROM swift:6.3-bookworm") })
    #expect(lines.contains("RUN Launch/setup") && lines.contains("USER mpiuser"))
    var copied: [String] = []
    for line in lines where line.hasPrefix("COPY ") && !line.contains("--from=") {
      let words = line.split(separator: " ").map(String.init)
      copied += words[1..<words.count - 1]
    }
    #expect(Set(copied).isSuperset(of: ["Package.swift", "Sources", "Tests", "Launch"]))
    for name in copied { #expect(FileManager.default.fileExists(atPath: path(name)), "\(name)") }
    // The build sees only these files, so every file that is copied must be among them.
    let included = try self.lines("Launch/container/Dockerfile.dockerignore").filter {
      $0.hasPrefix("!")
    }.map { String($0.dropFirst()) }
    for name in copied {
      #expect(included.contains { name == $0 || name.hasPrefix($0 + "/") }, "\(name)")
    }
    // Instructions, arguments of a multi-line one, comments: nothing else.
    for line in lines where !line.hasPrefix(" ") && !line.hasPrefix("#") {
      #expect(
        ["ARG", "FROM", "WORKDIR", "COPY", "ENV", "RUN", "USER"].contains(
          String(line.prefix { $0 != " " })), "\(line)")
    }
  }

  @Test func theApptainerDefinitionRunsSetupOnWhatIsThere() throws {
    let lines = try lines("Launch/container/lockstep.def")
    #expect(lines.prefix(2) == ["Bootstrap: docker", "From: swift:6.3-bookworm"])
    var sections: [String: [String]] = [:]
    var section = ""
    for line in lines {
      if line.hasPrefix("%") {
        section = line
      } else {
        sections[section, default: []].append(line.trimmingCharacters(in: .whitespaces))
      }
    }
    #expect(Set(sections.keys) == ["", "%files", "%post", "%environment", "%runscript", "%test"])
    for line in sections["%files"] ?? [] {
      let words = line.split(separator: " ").map(String.init)
      #expect(
        words.count == 2 && FileManager.default.fileExists(atPath: path(words[0]))
          && words[1] == "/opt/lockstep/\(words[0])", "\(line)")
    }
    // The packages are setup's own list, since setup installs them.
    #expect(sections["%post"]?.contains("/opt/lockstep/Launch/setup") == true)
    for name in ["%post", "%environment", "%runscript", "%test"] {
      let script = (sections[name] ?? []).joined(separator: "\n")
      #expect(try Programs.run("/usr/bin/env", ["sh", "-n", "-c", script]).status == 0, "\(name)")
    }
  }

  // MARK: Kubernetes

  private static let hasYAML =
    (try? Programs.run("/usr/bin/python3", ["-c", "import yaml"]))?.status == 0

  @Test(.enabled(if: hasYAML, "python3-yaml is not installed"))
  func theMPIJobHasAllThatTheOperatorNeeds() throws {
    let convert =
      "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))"
    let outcome = try Programs.run(
      "/usr/bin/python3", ["-c", convert, path("Launch/kubernetes/mpijob.yaml")])
    try #require(outcome.status == 0, "\(outcome.errors)")
    let documents = try #require(
      try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [[String: Any]])
    let job = try #require(documents.count == 1 ? documents[0] : nil)
    #expect(
      job["apiVersion"] as? String == "kubeflow.org/v2beta1" && job["kind"] as? String == "MPIJob")
    #expect((job["metadata"] as? [String: Any])?["name"] as? String == "lockstep")
    let spec = try #require(job["spec"] as? [String: Any])
    let known = [
      "slotsPerWorker", "runPolicy", "sshAuthMountPath", "mpiImplementation", "mpiReplicaSpecs",
      "launcherCreationPolicy",
    ]
    #expect(Set(spec.keys).isSubset(of: known) && spec["mpiImplementation"] as? String == "OpenMPI")
    let policy = try #require(spec["runPolicy"] as? [String: Any])
    #expect(["None", "Running", "All"].contains(policy["cleanPodPolicy"] as? String ?? ""))
    let replicas = try #require(spec["mpiReplicaSpecs"] as? [String: [String: Any]])
    #expect(
      Set(replicas.keys) == ["Launcher", "Worker"] && replicas["Launcher"]?["replicas"] as? Int == 1
    )

    var commands: [String: [String]] = [:]
    for (name, replica) in replicas {
      #expect(["Never", "OnFailure"].contains(replica["restartPolicy"] as? String ?? ""))
      let pod = try #require((replica["template"] as? [String: Any])?["spec"] as? [String: Any])
      let containers = try #require(pod["containers"] as? [[String: Any]])
      let container = try #require(containers.count == 1 ? containers[0] : nil)
      commands[name] =
        (container["command"] as? [String] ?? []) + (container["args"] as? [String] ?? [])
      #expect(container["image"] as? String == "lockstep:0.1")
      // Every volume that is mounted is there, under the user that the image's sshd runs as.
      let volumes = (pod["volumes"] as? [[String: Any]] ?? []).compactMap { $0["name"] as? String }
      let mounts = (container["volumeMounts"] as? [[String: Any]] ?? []).compactMap {
        $0["name"] as? String
      }
      #expect(Set(mounts) == Set(volumes) && mounts.contains("runs"))
      #expect((container["securityContext"] as? [String: Any])?["runAsUser"] as? Int == 1000)
    }
    // As many ranks as the workers have slots.
    let launch = try #require(commands["Launcher"])
    let ranks = try #require(launch.firstIndex(of: "-n").flatMap { Int(launch[$0 + 1]) })
    #expect(
      ranks == (spec["slotsPerWorker"] as? Int ?? 0)
        * (replicas["Worker"]?["replicas"] as? Int ?? 0))
    #expect(
      launch.first == "mpirun" && launch.contains("lockstep-worker") && launch.contains("--resume"))
    let home = try #require(spec["sshAuthMountPath"] as? String)
    #expect(try text("Launch/container/Dockerfile").contains("HostKey \(home)/id_rsa"))
    #expect(commands["Worker"] == ["/usr/sbin/sshd", "-De", "-f", "/home/mpiuser/.sshd_config"])
  }

  // MARK: PBS

  /// The script with an mpirun and a qsub that only record their arguments.
  @Test func thePBSScriptStopsInTimeAndResubmitsItself() throws {
    let folder = TemporaryFolder()
    func program(_ name: String, _ body: String) throws {
      let file = folder.write("#!/usr/bin/env bash\n\(body)\n", to: name)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file)
    }
    // Like the workers: checkpoint and stop at USR2.
    try program(
      "mpirun",
      #"if [ "$1" = --version ]; then echo "${STUB_VERSION:-mpirun (Open MPI) 4.1.4}"; exit; fi; trap 'exit 75' "${STUB_SIGNAL:-USR2}"; echo "mpirun $*"; if [ "$STUB" = ends ]; then exit 0; fi; while :; do sleep 0.05; done"#
    )
    try program("qsub", #"echo "qsub $*""#)
    let nodes = folder.write("node1\nnode1\nnode2\n", to: "nodes")
    func run(_ settings: [String: String]) throws -> Outcome {
      let base = [
        "PATH": "\(folder.path):/usr/bin:/bin", "PBS_O_WORKDIR": folder.path,
        "PBS_NODEFILE": nodes,
        "PBS_JOBID": "7.server", "EXPERIMENT": "e/small.toml", "SCRIPT": "train.pbs",
        "STUB": "runs",
      ]
      return try Programs.run(
        "/usr/bin/env", ["bash", path("Launch/pbs/train.pbs")],
        environment: base.merging(settings) { $1 })
    }
    let stopped = try run(["SECONDS_ALLOWED": "121", "OPTIONS": "--set a=1"])
    #expect(
      stopped.status == 75 && stopped.output.contains("3 ranks on node1 node2"),
      "\(stopped.output)\(stopped.errors)")
    #expect(
      stopped.output.contains("mpirun -n 3 ")
        && stopped.output.contains("e/small.toml --output runs/small --resume --set a=1"))
    #expect(
      stopped.output.contains(
        #"qsub -v EXPERIMENT=e/small.toml,RUN=runs/small,SECONDS_ALLOWED=121,"#))
    #expect(stopped.output.contains(#"OPTIONS="--set a=1" train.pbs"#))
    // MPICH's mpirun has other words, and hands on another signal.
    let hydra = try run([
      "SECONDS_ALLOWED": "121", "STUB_VERSION": "HYDRA build details:", "STUB_SIGNAL": "TERM",
    ])
    #expect(
      hydra.status == 75 && hydra.output.contains("mpirun -n 3 -f \(nodes) "), "\(hydra.output)")
    let ended = try run(["STUB": "ends"])
    #expect(ended.status == 0 && !ended.output.contains("qsub"), "\(ended.output)\(ended.errors)")
  }
}
