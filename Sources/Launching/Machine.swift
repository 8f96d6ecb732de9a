import Glibc
import Processes

/// What of the machine decides how workers are started on it.
public struct Machine: Sendable, Equatable {
  /// Physical cores this process may use: what Open MPI counts as slots.
  public var cores: Int
  public var isRoot: Bool

  public init(cores: Int, isRoot: Bool) {
    self.cores = cores
    self.isRoot = isRoot
  }

  /// The machine this process runs on.
  public static func current() -> Machine {
    Machine(cores: min(physicalCores(), quota() ?? .max), isRoot: geteuid() == 0)
  }

  /// Cores this process may run on; hardware threads of one core count once, since a rank keeps a
  /// core's vector units busy alone.
  private static func physicalCores() -> Int {
    let allowed = SmallFiles.text("/proc/self/status")?.split(separator: "\n").first {
      $0.hasPrefix("Cpus_allowed_list:")
    }
    let threads =
      allowed.map { numbers(inList: String($0.dropFirst("Cpus_allowed_list:".count))) } ?? []
    guard !threads.isEmpty else { return max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
    return Set(
      threads.map {
        SmallFiles.text("/sys/devices/system/cpu/cpu\($0)/topology/thread_siblings_list")
          ?? "cpu\($0)"
      }
    ).count
  }

  /// The numbers of a list as the kernel writes it: `0-3,8`.
  public static func numbers(inList list: String) -> [Int] {
    let ranges = list.filter { !$0.isWhitespace }.split(separator: ",")
    return ranges.flatMap { range -> [Int] in
      let ends = range.split(separator: "-").compactMap { Int($0) }
      guard let first = ends.first, let last = ends.last, first <= last, last < 65536 else {
        return []
      }
      return Array(first...last)
    }
  }

  /// A container's CPU limit, rounded up to whole cores.
  private static func quota() -> Int? {
    guard let words = SmallFiles.text("/sys/fs/cgroup/cpu.max")?.split(separator: " "),
      words.count == 2, let limit = Double(words[0]),
      let period = Double(words[1]), period > 0, limit > 0
    else { return nil }
    return max(1, Int((limit / period).rounded(.up)))
  }
}
