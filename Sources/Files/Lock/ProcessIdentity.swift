import Glibc
import Processes

/// Which process on which machine: enough to find out later, from the same machine, whether it
/// still runs.
package struct ProcessIdentity: Sendable, Equatable, Codable {
  package var host: String
  /// The kernel's id of this boot; empty where it cannot be read.
  package var boot: String
  /// The namespace in which `process` is a number; empty where `/proc` shows another one.
  package var pidNamespace: String
  package var process: Int32
  /// Clock ticks from the machine's boot to the process's start: a later process with the same
  /// number has another one.
  package var startTime: Int

  package enum CodingKeys: String, CodingKey {
    case host, boot, process
    case pidNamespace = "pid_namespace"
    case startTime = "start_time"
  }

  package init(host: String, boot: String, pidNamespace: String, process: Int32, startTime: Int) {
    self.host = host
    self.boot = boot
    self.pidNamespace = pidNamespace
    self.process = process
    self.startTime = startTime
  }

  /// This process.
  package static func current() -> ProcessIdentity {
    var name = [CChar](repeating: 0, count: 256)
    gethostname(&name, 255)
    let process = getpid()
    // In a namespace without a /proc of its own, /proc counts processes as its parent does.
    let isOwn = SmallFiles.link("/proc/self") == "\(process)"
    return ProcessIdentity(
      host: text(name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }),
      boot: SmallFiles.bytes("/proc/sys/kernel/random/boot_id").map {
        text($0.prefix { $0 != UInt8(ascii: "\n") })
      } ?? "",
      pidNamespace: isOwn ? SmallFiles.link("/proc/self/ns/pid") ?? "" : "", process: process,
      startTime: isOwn ? ProcessEntry(process).flatMap { Int(exactly: $0.startTime) } ?? 0 : 0)
  }

  /// Whether a process of this identity runs, as far as `observer` can see; nil where it runs, or
  /// ran, where the observer cannot look.
  package func isAlive(asSeenBy observer: ProcessIdentity) -> Bool? {
    guard !boot.isEmpty, !pidNamespace.isEmpty, boot == observer.boot,
      pidNamespace == observer.pidNamespace
    else { return nil }
    if let entry = ProcessEntry(process) {
      return Int(exactly: entry.startTime) == startTime && !entry.isOver
    }
    // A /proc may hide the processes of other users, which a signal still reaches, or would if it
    // were allowed.
    return kill(process, 0) == 0 || errno == EPERM ? nil : false
  }

  private static func text(_ bytes: some Collection<UInt8>) -> String {
    String(decoding: bytes, as: UTF8.self)
  }
}
