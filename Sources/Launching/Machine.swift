import Glibc
import Processes

/// What of the machine decides how workers are started on it.
public struct Machine: Sendable, Equatable {
  /// Physical cores this process may use: what Open MPI counts as slots.
  public var cores: Int
  /// NUMA nodes and last-level caches that these cores belong to.
  public var numaNodes: Int
  public var cacheDomains: Int
  public var isRoot: Bool

  public init(cores: Int, numaNodes: Int = 1, cacheDomains: Int = 1, isRoot: Bool) {
    (self.cores, self.numaNodes, self.cacheDomains) = (cores, numaNodes, cacheDomains)
    self.isRoot = isRoot
  }

  /// The machine this process runs on.
  public static func current() -> Machine {
    Machine(
      cores: AllowedCores.count(), numaNodes: AllowedCores.numaNodes(),
      cacheDomains: AllowedCores.cacheDomains(), isRoot: geteuid() == 0)
  }

  /// The numbers of a list as the kernel writes it: `0-3,8`.
  public static func numbers(inList list: String) -> [Int] { AllowedCores.numbers(inList: list) }
}
