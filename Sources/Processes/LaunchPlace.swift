import Glibc

/// Where a job's launcher put this process, as far as its environment says.
///
/// Open MPI and srun with PMIx, MPICH's Hydra and its descendants and srun with PMI (`PMI_RANK`,
/// `MPI_LOCALRANKID`), and Cray's PALS are known.
public struct LaunchPlace: Sendable, Equatable {
  /// How the ranks of one job on one host know each other.
  public enum Job: Sendable, Equatable {
    /// Their environments name it so.
    case named(String)
    /// They have a rank's number, and the launcher's process on this host is an ancestor.
    case descendants(of: Int32)
    case unknown
  }

  public var rank = 0
  /// Ranks of the job and of this host; 0 where unknown.
  public var size = 0
  public var localRank = 0
  public var localSize = 0
  /// What started this process, where that is certain.
  public var launcher: MPIName?
  /// Whether anything did.
  public var isLaunched: Bool
  private var name: String
  /// In which launchers give a rank its number.
  private static let rankVariables = [
    "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "PALS_RANKID",
  ]

  public init(
    environment: (String) -> String? = { name in getenv(name).map { String(cString: $0) } }
  ) {
    func number(_ names: String...) -> Int? {
      names.compactMap { environment($0).flatMap { Int($0) } }.first
    }
    let own = Self.rankVariables.compactMap { number($0) }.first
    isLaunched = own != nil
    rank = own ?? number("SLURM_PROCID") ?? 0
    // Inside an allocation Slurm's numbers may be those of a launcher's daemon.
    let isSlurms =
      isLaunched && environment("OMPI_COMM_WORLD_RANK") == nil
      && environment("MPI_LOCALRANKID") == nil
    size =
      number("OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
      ?? (isLaunched ? (isSlurms ? number("SLURM_NTASKS") : nil) ?? 0 : 1)
    localRank =
      number("OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "PALS_LOCAL_RANKID")
      ?? (isSlurms ? number("SLURM_LOCALID") ?? 0 : 0)
    localSize =
      number("OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS", "PALS_LOCAL_SIZE")
      ?? (isLaunched ? 0 : 1)
    name = environment("PMIX_NAMESPACE") ?? ""
    launcher = Self.launcher(environment)
  }

  /// The mpirun that set these variables; nil where there is none, or it may be one of two.
  private static func launcher(_ environment: (String) -> String?) -> MPIName? {
    let isOpenMPI = environment("OMPI_COMM_WORLD_SIZE") != nil
    let isHydra = environment("PMI_SIZE") != nil && environment("MPI_LOCALNRANKS") != nil
    if isOpenMPI == isHydra { return nil }
    if isHydra { return MPIName(family: .mpich) }
    // Open MPI 5 says which it is; 4 has the variables of its own daemons.
    if let version = environment("OMPI_VERSION") {
      return version.split(separator: ".").first.flatMap { Int($0) }.map {
        MPIName(family: .openMPI(major: $0), version: version)
      }
    }
    return environment("OMPI_MCA_orte_ess_num_procs").map { _ in
      MPIName(family: .openMPI(major: 4))
    }
  }

  // MARK: Ranks of one host

  /// How this process's job is known on its host. Reads `/proc`.
  public var job: Job {
    if !name.isEmpty { return .named(name) }
    guard isLaunched, let launcher = Self.launcherProcess(above: getpid()) else { return .unknown }
    return .descendants(of: launcher)
  }

  /// The process that started the rank which a process is, or belongs to: its nearest ancestor that
  /// has no rank's number.
  public static func launcherProcess(above process: Int32) -> Int32? {
    var place = process
    for _ in 0..<64 {
      guard let parent = ProcessEntry(place)?.parent, parent > 1 else { return nil }
      guard rank(of: parent) != nil else { return parent }
      place = parent
    }
    return nil
  }

  /// The rank's number in a process's environment, as its launcher set it; nil where there is none,
  /// or it may not be read.
  public static func rank(of process: Int32) -> Int? {
    guard let environment = SmallFiles.bytes("/proc/\(process)/environ", limit: 1 << 20) else {
      return nil
    }
    return rankVariables.lazy.compactMap {
      value(of: $0, in: environment).flatMap { Int($0) }
    }.first
  }

  /// Whether a process is of this job.
  public static func isMember(_ process: Int32, of job: Job) -> Bool {
    switch job {
    case .named(let name):
      SmallFiles.bytes("/proc/\(process)/environ", limit: 1 << 20).flatMap {
        value(of: "PMIX_NAMESPACE", in: $0)
      } == name
    case .descendants(of: let launcher): launcherProcess(above: process) == launcher
    case .unknown: false
    }
  }

  private static func value(of name: String, in environment: [UInt8]) -> String? {
    let prefix = Array((name + "=").utf8)
    for entry in environment.split(separator: 0) where entry.starts(with: prefix) {
      return String(decoding: entry.dropFirst(prefix.count), as: UTF8.self)
    }
    return nil
  }
}
