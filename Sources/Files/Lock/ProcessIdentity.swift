import Glibc

/// Which process on which machine: enough to find out later, from the same machine, whether it still runs.
package struct ProcessIdentity: Sendable, Equatable, Codable {
  package var host: String
  /// The kernel's id of this boot; empty where it cannot be read.
  package var boot: String
  /// The namespace in which `process` is a number; empty where `/proc` shows another one.
  package var pidNamespace: String
  package var process: Int32
  /// Clock ticks from the machine's boot to the process's start: a later process with the same number has another one.
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
    let isOwn = symbolicLink("/proc/self") == "\(process)"
    return ProcessIdentity(
      host: text(name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }),
      boot: contents(of: "/proc/sys/kernel/random/boot_id").map { text($0.prefix { $0 != UInt8(ascii: "\n") }) } ?? "",
      pidNamespace: isOwn ? symbolicLink("/proc/self/ns/pid") ?? "" : "", process: process,
      startTime: isOwn ? status(of: process)?.startTime ?? 0 : 0)
  }

  /// Whether a process of this identity runs, as far as `observer` can see; nil where it runs, or ran, where the observer cannot look.
  package func isAlive(asSeenBy observer: ProcessIdentity) -> Bool? {
    guard !boot.isEmpty, !pidNamespace.isEmpty, boot == observer.boot, pidNamespace == observer.pidNamespace else { return nil }
    if let status = Self.status(of: process) { return status.startTime == startTime && !status.isOver }
    // A /proc may hide the processes of other users, which a signal still reaches, or would if it were allowed.
    return kill(process, 0) == 0 || errno == EPERM ? nil : false
  }

  /// The start and the state of a process; nil where `/proc` does not show it.
  private static func status(of process: Int32) -> (startTime: Int, isOver: Bool)? {
    guard let bytes = contents(of: "/proc/\(process)/stat"), let close = bytes.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    // What follows the name, which may hold anything: the state is the third field of all, the start the 22nd.
    let fields = bytes[(close + 1)...].split(separator: UInt8(ascii: " "))
    guard fields.count > 19, let startTime = Int(text(fields[19])) else { return nil }
    return (startTime, fields[0].elementsEqual([UInt8(ascii: "Z")]) || fields[0].elementsEqual([UInt8(ascii: "X")]))
  }

  private static func contents(of path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = read(descriptor, &bytes, bytes.count)
    return count > 0 ? Array(bytes.prefix(count)) : nil
  }

  private static func symbolicLink(_ path: String) -> String? {
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = bytes.withUnsafeMutableBytes { readlink(path, $0.baseAddress!, $0.count) }
    return count > 0 ? text(bytes.prefix(count)) : nil
  }

  private static func text(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
}
