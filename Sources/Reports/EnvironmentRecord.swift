import Recording

/// `environment.json`: where and with what a run ran.
public struct EnvironmentRecord: Sendable, Equatable {
  /// Versions by program or library name, in reading order: `lockstep`, `swift`, `mpi`, …
  public var versions: [Version]
  /// Host names, in the order of their lowest rank.
  public var hosts: [String]
  /// Ranks on each of `hosts`.
  public var ranksPerHost: [Int]
  /// Cores of rank 0's host that its process may use.
  public var cores: Int
  /// Threads a rank.
  public var threads: Int
  public var cpu: String
  /// Nil in records of earlier versions.
  public var instructions: CPUInstructions?
  public var gitRevision: String?
  public var commandLine: [String]
  /// The cluster that was played on these hosts, as it was asked for; nil where times are real.
  public var simulation: String?
  /// Which start wrote the records: the lock's id, the same over all restarts by one coordinator.
  public var run: String?
  /// The metrics that `metrics.jsonl` has besides those of every run.
  public var metrics: [MetricDeclaration] = []

  public init(
    versions: [Version], hosts: [String], ranksPerHost: [Int], cores: Int, threads: Int,
    cpu: String,
    instructions: CPUInstructions? = nil, gitRevision: String?, commandLine: [String],
    simulation: String? = nil
  ) {
    self.versions = versions
    self.hosts = hosts
    self.ranksPerHost = ranksPerHost
    self.cores = cores
    self.threads = threads
    self.cpu = cpu
    self.instructions = instructions
    self.gitRevision = gitRevision
    self.commandLine = commandLine
    self.simulation = simulation
  }

  public struct Version: Sendable, Equatable {
    public var name: String
    public var version: String?

    public init(_ name: String, _ version: String?) {
      self.name = name
      self.version = version
    }
  }
}

extension EnvironmentRecord: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.key("versions")
      $0.object { for version in versions { $0.field(version.name, version.version) } }
      $0.field("hosts", hosts)
      $0.key("ranks_per_host")
      $0.array(ranksPerHost) { $0.value($1) }
      $0.field("cores", cores)
      $0.field("threads", threads)
      $0.field("cpu", cpu)
      $0.field("instructions", instructions)
      $0.field("git_revision", gitRevision)
      $0.field("command_line", commandLine)
      if let simulation { $0.field("simulation", simulation) }
      if let run { $0.field("run", run) }
      if !metrics.isEmpty { $0.field("metrics", metrics) }
    }
  }
}

extension EnvironmentRecord: Decodable {
  private enum CodingKeys: String, CodingKey {
    case versions, hosts, cores, threads, cpu, instructions, simulation, run, metrics
    case ranksPerHost = "ranks_per_host"
    case gitRevision = "git_revision"
    case commandLine = "command_line"
  }

  /// Versions come back sorted by name.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    let versions = try fields.decode([String: String?].self, forKey: .versions)
    self.versions = versions.sorted { $0.key < $1.key }.map { Version($0.key, $0.value) }
    hosts = try fields.decode([String].self, forKey: .hosts)
    ranksPerHost = try fields.decode([Int].self, forKey: .ranksPerHost)
    cores = try fields.decode(Int.self, forKey: .cores)
    threads = try fields.decode(Int.self, forKey: .threads)
    cpu = try fields.decode(String.self, forKey: .cpu)
    instructions = try fields.decodeIfPresent(CPUInstructions.self, forKey: .instructions)
    gitRevision = try fields.decodeIfPresent(String.self, forKey: .gitRevision)
    commandLine = try fields.decode([String].self, forKey: .commandLine)
    simulation = try fields.decodeIfPresent(String.self, forKey: .simulation)
    run = try fields.decodeIfPresent(String.self, forKey: .run)
    metrics = try fields.decodeIfPresent([MetricDeclaration].self, forKey: .metrics) ?? []
  }
}

extension RunDirectory {
  /// The metrics that this run's `metrics.jsonl` has besides those of every run; none where
  /// `environment.json` is missing or damaged.
  public var declaredMetrics: [MetricDeclaration] {
    (try? JSONFile.read(EnvironmentRecord.self, from: environment))?.metrics ?? []
  }
}
