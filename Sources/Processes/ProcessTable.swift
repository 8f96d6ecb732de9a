import Glibc

/// A process as `/proc` shows it, distinguished from a later one with the same number by its start
/// time.
public struct ProcessEntry: Sendable, Hashable {
  public let identifier: Int32
  public let parent: Int32
  /// Clock ticks since the machine booted.
  public let startTime: UInt64
  /// `R`, `S`, `D`, `T` (stopped by a signal), `t` (held by a debugger), `Z`, …
  public let state: UInt8

  /// Reads a process's entry; nil where there is none.
  public init?(_ identifier: Int32) {
    guard let text = SmallFiles.bytes("/proc/\(identifier)/stat"),
      let close = text.lastIndex(of: UInt8(ascii: ")"))
    else { return nil }
    // The name, in parentheses, may hold spaces and parentheses itself; after it come fields 3, 4,
    // …, 22.
    let fields = text[(close + 1)...].split(separator: UInt8(ascii: " "))
    guard fields.count > 19, let state = fields[0].first,
      let parent = Int32(String(decoding: fields[1], as: UTF8.self)),
      let start = UInt64(String(decoding: fields[19], as: UTF8.self))
    else { return nil }
    (self.identifier, self.parent, self.state, startTime) = (identifier, parent, state, start)
  }

  /// Whether it is stopped by a signal (SIGSTOP), so that it does nothing until SIGCONT.
  public var isStopped: Bool { state == UInt8(ascii: "T") }

  /// Whether it has ended and only its entry is left.
  public var isOver: Bool { state == UInt8(ascii: "Z") || state == UInt8(ascii: "X") }

  /// Whether this very process still runs; a zombie does not.
  public var isAlive: Bool { Self.isAlive(identifier, since: startTime) }

  /// Whether the process of this number that started then still runs.
  public static func isAlive(_ identifier: Int32, since startTime: UInt64) -> Bool {
    guard let now = ProcessEntry(identifier) else { return false }
    return now.startTime == startTime && !now.isOver
  }

  /// Sends a signal, unless the process has ended.
  public func send(_ signal: Int32) { if isAlive { kill(identifier, signal) } }

  /// The process that started a process, the one that started that, and so on, as far as they still
  /// run.
  public static func ancestors(of process: Int32) -> [ProcessEntry] {
    var found: [ProcessEntry] = []
    var next = ProcessEntry(process)?.parent
    while let identifier = next, identifier > 0, let entry = ProcessEntry(identifier) {
      found.append(entry)
      next = entry.parent
    }
    return found
  }

  /// The processes that a process has started, and those that these have, as far as they still run.
  /// Reads the whole table: about 10 µs a process.
  public static func descendants(of ancestor: Int32) -> [ProcessEntry] {
    var children: [Int32: [ProcessEntry]] = [:]
    for name in SmallFiles.entries(of: "/proc") {
      guard let identifier = Int32(name), let entry = ProcessEntry(identifier),
        entry.state != UInt8(ascii: "Z")
      else { continue }
      children[entry.parent, default: []].append(entry)
    }
    var found: [ProcessEntry] = []
    var next = children[ancestor] ?? []
    while let entry = next.popLast() {
      found.append(entry)
      next += children[entry.identifier] ?? []
    }
    return found
  }
}
