import Processes

/// The mpirun that starts the workers, and what its options are called.
public struct MPILauncher: Sendable, Equatable {
  /// The kinds of mpirun that Lockstep can speak to.
  public enum Dialect: Sendable, Equatable {
    /// Open MPI 4's and 5's own, which took on PRRTE and renamed options.
    case openMPI4, openMPI5
    /// That of MPICH and its descendants.
    case hydra
  }

  public let path: String
  /// What a person types: its bare name where the PATH finds it.
  public let word: String
  public let name: MPIName
  public let dialect: Dialect

  /// Takes an mpirun for what it prints for `--version`; nil for one of no kind that is known.
  public init?(path: String, word: String? = nil, version: String) {
    let name = MPIName(version)
    switch name.family {
    case .openMPI(let major): dialect = major >= 5 ? .openMPI5 : .openMPI4
    case .mpich: dialect = .hydra
    case .other: return nil
    }
    (self.path, self.word, self.name) = (path, word ?? path, name)
  }

  /// Where the mpirun that goes with an MPI library may be: the one on the PATH, those next to the
  /// library, and those that Debian calls by the MPI's name. `library` is the library's file.
  public static func candidates(library: String?, program: (String) -> String?) -> [(
    word: String, path: String
  )] {
    var found: [(word: String, path: String)] = []
    func add(_ word: String) {
      guard let path = program(word), !found.contains(where: { $0.path == path }) else { return }
      found.append((word, path))
    }
    add("mpirun")
    if let library, let folder = library.lastIndex(of: "/").map({ library[..<$0] }) {
      let prefix = folder.lastIndex(of: "/").map { folder[..<$0] } ?? folder
      for name in ["mpirun", "mpiexec"] { add("\(prefix)/bin/\(name)") }
    }
    for name in ["mpiexec", "mpirun.mpich", "mpirun.openmpi", "mpiexec.hydra"] { add(name) }
    return found
  }

  /// The daemon that it starts on each host, which lies beside it.
  public var daemon: String {
    let name =
      switch dialect {
      case .openMPI4: "orted"
      case .openMPI5: "prted"
      case .hydra: "hydra_pmi_proxy"
      }
    return String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) + "/" + name
  }

  /// Whether it hands USR2 on to the ranks; Hydra is ended by it, and hands on USR1 and TERM.
  public var handsOnUSR2: Bool { dialect != .hydra }

  // MARK: Options

  func hosts(_ hosts: Hostfile) -> [String] {
    dialect == .hydra ? ["-hosts", hosts.list] : hosts.arguments
  }

  /// By default a host that falls off the network is noticed after 300 s; with these after about
  /// 8 s. Hydra has no such setting.
  var noticeLostHosts: [String] {
    let option: String
    switch dialect {
    case .openMPI4: option = "--mca"
    case .openMPI5: option = "--prtemca"
    case .hydra: return []
    }
    return [("time", 2), ("intvl", 1), ("probes", 2)].flatMap { name, value in
      [option, "oob_tcp_keepalive_\(name)", String(value)]
    }
  }

  /// More ranks than slots; Hydra counts none.
  var oversubscribe: [String] {
    switch dialect {
    case .openMPI4: ["--oversubscribe"]
    case .openMPI5: ["--map-by", ":OVERSUBSCRIBE"]
    case .hydra: []
    }
  }

  /// Hydra binds nothing by default.
  var bindNone: [String] { dialect == .hydra ? [] : ["--bind-to", "none"] }

  var bindToCores: [String] {
    dialect == .hydra
      ? ["-bind-to", "core"] : ["--map-by", "core", "--bind-to", "core:if-supported"]
  }

  /// Each rank to a block of cores, and its memory to their NUMA node where blocks lie within nodes.
  func bindToBlocks(of cores: Int, withinNodes: Bool) -> [String] {
    switch dialect {
    case .hydra: return ["-bind-to", "core:\(cores)"]
    case .openMPI4, .openMPI5:
      let isOld = withinNodes && dialect == .openMPI4
      return ["--map-by", "\(withinNodes ? "numa" : "slot"):PE=\(cores)"]
        + (isOld ? ["--rank-by", "core"] : []) + ["--bind-to", "core"]
        + (isOld ? ["--mca", "hwloc_base_mem_alloc_policy", "local_only"] : [])
    }
  }

  /// Ranks that wait leave their core to others.
  var yieldWhenIdle: [String] {
    dialect == .hydra ? [] : ["--mca", "mpi_yield_when_idle", "1"]
  }

  /// Sets a variable for the ranks, or hands on the one that is there, which Hydra does with all.
  func variable(_ name: String, _ value: String? = nil) -> [String] {
    switch dialect {
    case .openMPI4, .openMPI5: ["-x", value.map { "\(name)=\($0)" } ?? name]
    case .hydra: value.map { ["-genv", name, $0] } ?? []
    }
  }

  /// Variables that describe another job; inside one, a second mpirun refuses to start with them.
  static func describesJob(_ variable: String) -> Bool {
    ["OMPI_", "PMIX_", "PRTE_", "PMI_", "HYDI_", "MPI_LOCAL"].contains { variable.hasPrefix($0) }
  }

  /// Where an mpirun of this machine keeps its session: Open MPI names the host with or without its
  /// domain.
  public func sessionDirectories(
    of process: Int32, user: UInt32, environment: [String: String]
  ) -> [String] {
    func base(_ setting: String) -> String {
      [setting, "TMPDIR", "TEMP", "TMP"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
        ?? "/tmp"
    }
    switch dialect {
    case .openMPI4:
      let base = base("OMPI_MCA_orte_tmpdir_base")
      return LocalHostNames.hostNames.map { "\(base)/ompi.\($0).\(user)/pid.\(process)" }
    case .openMPI5: return ["\(base("PRTE_MCA_prte_tmpdir_base"))/ompi.\(process)"]
    case .hydra: return []
    }
  }
}
