import Foundation

/// The MPI that the tests' programs are built with, and the words that its mpirun takes:
/// `LOCKSTEP_MPIRUN` names it (`Launch/mpi`), by default the one on the PATH.
public enum TestMPI {
  public enum Kind: Sendable { case openMPI4, openMPI5, mpich }

  public static let mpirun = ProcessInfo.processInfo.environment["LOCKSTEP_MPIRUN"] ?? "mpirun"

  private static let version =
    (try? Programs.run("/usr/bin/env", [mpirun, "--version"]).output) ?? ""

  /// Whether a job of several hosts ends: with MPICH 4.0.2, as Debian 12 has it, `MPI_Finalize` may
  /// never return where a host has several ranks, in a program of three lines in C too.
  public static let endsOnSeveralHosts = !(isMPICH && version.contains(/Version:\s+4\.0\./))

  public static let kind: Kind = {
    guard let first = version.split(separator: "\n").first else { return .openMPI4 }
    if first.contains("HYDRA") { return .mpich }
    return first.contains(") 5.") ? .openMPI5 : .openMPI4
  }()

  /// Whether a process of this name is an mpirun: Linux keeps 15 letters of the program's.
  public static func isLauncher(_ name: String) -> Bool {
    ["mpirun", "mpiexec", "prterun"].contains { name.hasPrefix($0) }
  }

  /// The process that an mpirun starts on each other host.
  public static let daemon =
    switch kind {
    case .openMPI4: "orted"
    case .openMPI5: "prted"
    case .mpich: "hydra_pmi_proxy"
    }

  /// Seconds for a program on more ranks than cores, which MPICH's take from each other while they
  /// wait: `sched_yield` gives one away for a moment alone.
  public static let patience = kind == .mpich ? 300.0 : 120

  public static let isOpenMPI4 = kind == .openMPI4
  public static let isMPICH = kind == .mpich
  public static let onlyOpenMPI = "what is tested is Open MPI 4's own"

  /// `mpirun` and its options for any number of ranks on any number of cores.
  public static func command(_ ranks: Int, hosts: [String] = [], yields: Bool = true) -> [String] {
    let count = ["-n", "\(ranks)"]
    switch kind {
    case .openMPI4:
      return [mpirun] + count + (hosts.isEmpty ? [] : ["--host", hosts.joined(separator: ",")])
        + ["--oversubscribe", "--bind-to", "none"]
        + (yields ? ["--mca", "mpi_yield_when_idle", "1"] : [])
    case .openMPI5:
      return [mpirun] + count + (hosts.isEmpty ? [] : ["--host", hosts.joined(separator: ",")])
        + ["--map-by", ":OVERSUBSCRIBE", "--bind-to", "none"]
        + (yields ? ["--mca", "mpi_yield_when_idle", "1"] : [])
    case .mpich:
      return [mpirun] + count + (hosts.isEmpty ? [] : ["-hosts", hosts.joined(separator: ",")])
    }
  }

  /// Options of mpirun that set a setting of the MPI library.
  private static func setting(_ name: String, _ value: String) -> [String] {
    isMPICH ? ["-genv", name, value] : ["--mca", name, value]
  }

  /// Messages by TCP, also within a host.
  public static let overTCP =
    isMPICH ? setting("MPIR_CVAR_NOLOCAL", "1") : setting("btl", "tcp,self")

  /// Algorithms of the all-reduce that add in different orders.
  public static let allReduceAlgorithms: [[String]] = {
    if isMPICH {
      // With more ranks than cores the binding starts and tests them.
      return ["naive", "recursive_doubling", "reduce_scatter_allgather"].map {
        setting("MPIR_CVAR_IALLREDUCE_INTRA_ALGORITHM", "sched_\($0)")
          + setting("MPIR_CVAR_IALLREDUCE_DEVICE_COLLECTIVE", "0")
      }
    }
    return (1...6).map {
      setting("coll_tuned_use_dynamic_rules", "1")
        + setting("coll_tuned_allreduce_algorithm", "\($0)")
        + setting("coll_tuned_alltoallv_algorithm", "\($0 % 3)")
    }
  }()
}
