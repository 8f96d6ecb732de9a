import FlightRecorder
import Glibc
import Processes

/// What `/proc` says of the processes of this host.
enum ProcessTable {
  /// The processes of a job that are ranks here, other than those known: number, rank, and the
  /// memory of their record, if they have one yet.
  ///
  /// A host that shares its processes with others is known by its own name space of host names.
  static func ranks(ofJob job: LaunchPlace.Job, knowing known: Set<Int32>) -> [(
    process: Int32, rank: Int, image: FlightImage?
  )] {
    guard job != .unknown else { return [] }
    let own = SmallFiles.link("/proc/self/ns/uts")
    var found: [(process: Int32, rank: Int, image: FlightImage?)] = []
    for name in SmallFiles.entries(of: "/proc") {
      guard let process = Int32(name), process != getpid(), !known.contains(process),
        let rank = LaunchPlace.rank(of: process), LaunchPlace.isMember(process, of: job),
        SmallFiles.link("/proc/\(name)/ns/uts") == own, !isWatcher(process)
      else { continue }
      found.append((process, rank, image(of: process)))
    }
    return found
  }

  /// The record of a process, where it keeps one.
  static func image(of process: Int32) -> FlightImage? {
    let folder = "/proc/\(process)/fd"
    for name in SmallFiles.entries(of: folder)
    where SmallFiles.link("\(folder)/\(name)")?.hasPrefix("/memfd:\(FlightRecorder.memoryName)")
      == true
    {
      let file = open("\(folder)/\(name)", O_RDWR | O_CLOEXEC)
      guard file >= 0 else { continue }
      defer { close(file) }
      // A process that was started by a rank may hold the rank's.
      if let image = FlightImage(file: file), image.process == process { return image }
    }
    return nil
  }

  /// What a process is doing.
  static func condition(of process: Int32) -> RankState.Condition {
    guard let status = SmallFiles.bytes("/proc/\(process)/status", limit: 1 << 20) else {
      return .gone
    }
    var condition = RankState.Condition.running
    for line in status.split(separator: UInt8(ascii: "\n")) {
      let words = String(decoding: line, as: UTF8.self).split(whereSeparator: \.isWhitespace)
      guard words.count > 1 else { continue }
      if words[0] == "State:" {
        switch words[1] {
        case "T": condition = .stopped
        case "Z", "X": return .gone
        default: break
        }
      } else if words[0] == "TracerPid:" {
        if words[1] != "0" { return .traced }
        break
      }
    }
    return condition
  }

  /// The server of Hydra, MPICH's launcher, that started a rank of this host; nil where another
  /// launcher did.
  static func hydraServer(of rank: Int32) -> ProcessEntry? {
    guard let parent = ProcessEntry(rank)?.parent, let server = ProcessEntry(parent),
      let name = SmallFiles.bytes("/proc/\(parent)/comm"), name.starts(with: "hydra_pmi_proxy".utf8)
    else { return nil }
    return server
  }

  private static func isWatcher(_ process: Int32) -> Bool {
    SmallFiles.bytes("/proc/\(process)/cmdline", limit: 1 << 20).map {
      $0.split(separator: 0).dropFirst().first.map(Array.init) == Array(StallWatch.option.utf8)
    } ?? true
  }
}
