import Recording
import Reports

/// Reads what workers and mpirun print when something goes wrong, and separates errors from noise.
///
/// A worker's error is a line `rank R on HOST: MESSAGE`. Open MPI explains itself in boxes between
/// dashed lines, MPICH's Hydra in lines of its own; the few facts in them that matter (which rank,
/// which signal, which host) are kept, the rest is noise.
public struct MpirunOutputParser: Sendable {
  /// A worker's own words about why it ends.
  public struct Fault: Sendable, Equatable {
    public var rank: Int
    public var host: String
    public var message: String

    public init(rank: Int, host: String, message: String) {
      self.rank = rank
      self.host = host
      self.message = message
    }
  }

  /// A rank that ended by a signal or an exit code, as mpirun saw it.
  public struct RankExit: Sendable, Equatable {
    /// Nil where mpirun gives its process alone.
    public var rank: Int?
    public var process: Int32?
    public var host: String?
    public var how: String
    /// Its exit code, where it chose one.
    public var exitCode: Int32?
  }

  /// Why mpirun could not do its own part, and the exit code for it.
  public struct LaunchRejection: Sendable, Equatable {
    public var text: String
    public var code: ExitCode
  }

  public enum Line: Sendable, Equatable {
    case noise
    case fault(Fault)
    /// Something for the user to see.
    case other(String)
  }

  /// In the order they came, without repetitions.
  public private(set) var faults: [Fault] = []
  public private(set) var death: RankExit?
  public private(set) var refusal: LaunchRejection?
  /// The last line of a runtime error such as Swift's `Fatal error: …`.
  public private(set) var fatalMessage: String?

  private var isInBox = false
  private var boxRank: Int?
  private var boxExecutable: String?
  /// A rank whose end is described in the line to come.
  private var dying: RankExit?
  private var sshError: String?
  private static let faultLimit = 4096

  public init() {}

  public mutating func read(_ line: String) -> Line {
    if let fault = Self.fault(in: line) {
      if !faults.contains(fault) && faults.count < Self.faultLimit { faults.append(fault) }
      return .fault(fault)
    }
    if line.count >= 40 && line.allSatisfy({ $0 == "-" }) {
      isInBox.toggle()
      boxRank = nil
      boxExecutable = nil
      return .noise
    }
    if isInBox {
      readBox(line)
      return .noise
    }
    if line.hasPrefix("ssh: ") || line.contains("Permission denied (publickey")
      || line.hasPrefix("Host key verification failed")
    {
      sshError = line
      return .noise
    }
    if let range = line.range(of: "mpirun: Error: ") {
      refuse("mpirun: \(line[range.upperBound...]) (see --mpirun-arg)", .usage)
      return .noise
    }
    if readHydra(line) { return .noise }
    if line.contains("Fatal error: ") {
      fatalMessage = String(line[line.range(of: "Fatal error: ")!.lowerBound...])
    }
    return Self.isNoise(line) ? .noise : .other(line)
  }

  // MARK: Lines

  /// `rank 3 on node1: message`.
  static func fault(in line: String) -> Fault? {
    guard line.hasPrefix("rank ") else { return nil }
    let rest = line.dropFirst("rank ".count)
    let number = rest.prefix { $0.isASCII && $0.isNumber }
    guard let rank = Int(number), rest.dropFirst(number.count).hasPrefix(" on ") else { return nil }
    let tail = rest.dropFirst(number.count + " on ".count)
    guard let colon = tail.range(of: ": "), !tail[..<colon.lowerBound].contains(" ") else {
      return nil
    }
    return Fault(
      rank: rank, host: String(tail[..<colon.lowerBound]),
      message: String(tail[colon.upperBound...]))
  }

  /// Lines of Open MPI outside boxes: `[host:pid] …`, forwarding and clean-up notices, and empty
  /// lines.
  private static func isNoise(_ line: String) -> Bool {
    if line.allSatisfy(\.isWhitespace) { return true }
    if line.hasPrefix("["), let end = line.firstIndex(of: "]") {
      let inside = line[line.index(after: line.startIndex)..<end]
      if let colon = inside.lastIndex(of: ":"), !inside[inside.index(after: colon)...].isEmpty,
        inside[inside.index(after: colon)...].allSatisfy(\.isNumber)
      {
        return true
      }
    }
    return [
      "total processes failed to start", "total processes killed", "total process killed",
      "mpirun: killing job",
      "mpirun: Forwarding signal",
      "mpirun: clean termination", "Abort is in progress", "abort is already in progress",
      "Primary job  terminated normally",
      "mpirun noticed that",
      "YOUR APPLICATION TERMINATED WITH THE EXIT",
      "This typically refers to a problem with your application.",
      "Please see the FAQ page for debugging suggestions",
    ].contains { line.contains($0) }
  }

  // MARK: Boxes

  private mutating func readBox(_ line: String) {
    let words = line.split(separator: " ").map(String.init)
    func word(after name: String) -> String? {
      words.firstIndex(of: name).flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
    }
    func value(of name: String) -> String? {
      let trimmed = line.drop(while: \.isWhitespace)
      guard trimmed.hasPrefix(name) else { return nil }
      return String(trimmed.dropFirst(name.count).drop(while: \.isWhitespace))
    }

    if let dead = dying {
      // The line was broken before what it says.
      dying = nil
      note(dead, by: line)
    } else if line.contains("noticed that process rank"),
      let rank = word(after: "rank").flatMap({ Int($0) })
    {
      let dead = RankExit(rank: rank, host: word(after: "node"), how: "")
      if let how = line.range(of: "exited on ") {
        note(dead, by: String(line[how.upperBound...]))
      } else if words.suffix(2) == ["exited", "on"] {
        dying = dead
      } else {
        note(dead, by: "a signal")
      }
    } else if let name = value(of: "Process name:") {
      boxRank = name.split(separator: ",").last.flatMap { Int($0.prefix { $0.isNumber }) }
    } else if let code = value(of: "Exit code:"), let rank = boxRank {
      note(
        RankExit(
          rank: rank, host: nil, how: "ended with exit code \(code)",
          exitCode: Int32(code.prefix { $0.isNumber })))
    } else if line.contains("MPI_ABORT was invoked on rank") {
      boxRank = word(after: "rank").flatMap { Int($0) }
    } else if let code = value(of: "with errorcode") ?? value(of: "Errorcode:"), let rank = boxRank
    {
      note(RankExit(rank: rank, host: nil, how: "gave up with code \(code.prefix { $0.isNumber })"))
    } else if let executable = value(of: "Executable:") {
      boxExecutable = executable
    } else if let node = value(of: "Node:"), let executable = boxExecutable {
      refuse(
        "\(executable) cannot be executed on \(node): install the same build at the same path on every host",
        .mpiUnusable)
    } else {
      readComplaint(line)
    }
  }

  // MARK: Hydra

  /// Whether a line is one of MPICH's or its launcher's own.
  private mutating func readHydra(_ line: String) -> Bool {
    if line.hasPrefix("====") { return true }
    if line.hasPrefix("=   ") {
      let words = line.split(separator: " ").map(String.init)
      if words.count > 5, words[1] == "PID", words[3] == "RUNNING", let process = Int32(words[2]) {
        dying = RankExit(rank: nil, process: process, host: words[5], how: "")
      }
      return true
    }
    if let how = line.range(of: "TERMINATED WITH THE EXIT STRING: "), let dead = dying {
      // `Killed (signal 9)`.
      let words = line[how.upperBound...].split(separator: " (").map(String.init)
      let signal = words.count == 2 ? "\(words[1].prefix { $0 != ")" }) (\(words[0]))" : "a signal"
      dying = nil
      note(dead, by: signal)
      return true
    }
    if let abort = line.range(of: "application called MPI_Abort("),
      let rank = line.split(separator: " ").last.flatMap({ Int($0) })
    {
      let code = line[abort.upperBound...].split(separator: ",").last?.drop { $0 == " " }.prefix {
        $0.isNumber
      }
      note(
        RankExit(
          rank: rank, host: nil, how: "gave up with code \(code ?? "")",
          exitCode: code.flatMap { Int32($0) }))
      return true
    }
    guard line.hasPrefix("[mpiexec@") || line.hasPrefix("[proxy:") else { return false }
    if let error = line.range(of: "execvp error on file ") {
      let file = line[error.upperBound...].prefix { $0 != " " }
      let host = line.prefix { $0 != "]" }.split(separator: "@").last ?? "a host"
      refuse(
        "\(file) cannot be executed on \(host): install the same build at the same path on every host",
        .mpiUnusable)
    } else if line.contains("control_cb"), line.contains("assert (!closed) failed") {
      // The daemon of a host has ended, and mpirun does so too, without a word of which.
      lostDaemon = true
    } else if line.contains("unable to connect to") || line.contains("unable to get host address") {
      lostDaemon = true
      refuse(
        "mpirun could not start on every host"
          + ": check that ssh HOST works without a password and that MPICH is installed there",
        .mpiUnusable)
    }
    return true
  }

  private mutating func readComplaint(_ line: String) {
    if line.contains("not enough slots available") || line.contains("are already filled") {
      refuse(
        "there are not enough slots for this many ranks: ask for fewer, raise slots= in the hostfile, or add --mpirun-arg --oversubscribe",
        .usage)
    } else if line.contains("unable to reliably start one or more daemons") {
      lostDaemon = true
      refuse(
        "mpirun could not start on every host" + (sshError.map { " (\($0))" } ?? "")
          + ": check that ssh HOST works without a password and that Open MPI is installed there",
        .mpiUnusable)
    } else if line.contains("unable to open the hostfile") {
      refuse("mpirun cannot open the hostfile", .usage)
    } else if line.contains("binding more") && line.contains("process")
      || line.contains("no available cpus")
    {
      refuse(
        "mpirun cannot bind every rank to cores of its own: add --mpirun-arg --bind-to --mpirun-arg none",
        .usage)
    } else if line.contains("lost communication with a remote daemon")
      || line.contains("daemon has unexpectedly failed")
    {
      lostHost = true
    } else if lostHost, death == nil, let range = line.range(of: "Remote daemon: ") {
      let host = line[range.upperBound...].split(separator: " ").last.map(String.init) ?? "a host"
      refusal = nil
      hostLost = host
    }
  }

  /// Whether a host's daemon ended before mpirun did, which mpirun takes for one that never
  /// started.
  public private(set) var lostDaemon = false
  private var lostHost = false
  /// The host whose workers can no longer be reached.
  public private(set) var hostLost: String?

  private mutating func note(_ dead: RankExit, by signal: String) {
    var dead = dead
    dead.how = "was killed by \(signal.prefix { $0 != "." })"
    note(dead)
  }

  private mutating func note(_ death: RankExit) { if self.death == nil { self.death = death } }

  private mutating func refuse(_ text: String, _ code: ExitCode) {
    if refusal == nil { refusal = LaunchRejection(text: text, code: code) }
  }
}

extension StringProtocol {
  /// Where a piece of text stands first; `range(of:)` without Foundation.
  func range(of piece: String) -> Range<Index>? {
    guard let first = piece.first else { return nil }
    var start = startIndex
    while let candidate = self[start...].firstIndex(of: first) {
      if self[candidate...].hasPrefix(piece) {
        return candidate..<index(candidate, offsetBy: piece.count)
      }
      start = index(after: candidate)
    }
    return nil
  }
}
