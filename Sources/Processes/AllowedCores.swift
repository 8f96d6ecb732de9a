import Glibc

/// The physical cores that this process may run on, and how they lie.
///
/// Hardware threads of one core count once, since one thread keeps a core's vector units busy.
package enum AllowedCores {
  /// A name for each core, the same in every process of this machine; none where the kernel does
  /// not say.
  package static func names() -> Set<String> {
    Set(
      processors().map {
        SmallFiles.text("\(processorFolder)\($0)/topology/thread_siblings_list") ?? "cpu\($0)"
      })
  }

  /// How many there are, at least 1 and no more than a container's CPU limit.
  package static func count() -> Int { limited(names().count) }

  /// What a container's CPU limit, rounded up to whole cores, leaves of so many cores; where the
  /// kernel names none, the processors that are online are counted.
  package static func limited(_ cores: Int) -> Int {
    let cores = cores > 0 ? cores : max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    return min(cores, quota() ?? .max)
  }

  /// NUMA nodes with at least one of these cores; 1 where the kernel does not say.
  package static func numaNodes() -> Int {
    let allowed = Set(processors())
    let nodes = SmallFiles.entries(of: "/sys/devices/system/node").filter {
      $0.hasPrefix("node") && Int($0.dropFirst("node".count)) != nil
    }
    return max(
      1,
      nodes.count { node in
        let list = SmallFiles.text("/sys/devices/system/node/\(node)/cpulist") ?? ""
        return numbers(inList: list).contains { allowed.contains($0) }
      })
  }

  /// Last-level caches that these cores share; 1 where the kernel does not say.
  package static func cacheDomains() -> Int {
    let caches = processors().compactMap { processor in
      // Index 3 is the third level; where there is none, the second is a core's own.
      SmallFiles.text("\(processorFolder)\(processor)/cache/index3/shared_cpu_list")
    }
    return max(1, Set(caches).count)
  }

  /// The numbers of a list as the kernel writes it: `0-3,8`.
  package static func numbers(inList list: String) -> [Int] {
    let ranges = list.filter { !$0.isWhitespace }.split(separator: ",")
    return ranges.flatMap { range -> [Int] in
      let ends = range.split(separator: "-").compactMap { Int($0) }
      guard let first = ends.first, let last = ends.last, first <= last, last < 65536 else {
        return []
      }
      return Array(first...last)
    }
  }

  private static let processorFolder = "/sys/devices/system/cpu/cpu"

  /// The hardware threads that this process may run on.
  private static func processors() -> [Int] {
    let line = SmallFiles.text("/proc/self/status")?.split(separator: "\n").first {
      $0.hasPrefix("Cpus_allowed_list:")
    }
    return line.map { numbers(inList: String($0.dropFirst("Cpus_allowed_list:".count))) } ?? []
  }

  private static func quota() -> Int? {
    guard let words = SmallFiles.text("/sys/fs/cgroup/cpu.max")?.split(separator: " "),
      words.count == 2, let limit = Double(words[0]),
      let period = Double(words[1]), period > 0, limit > 0
    else { return nil }
    return max(1, Int((limit / period).rounded(.up)))
  }
}
