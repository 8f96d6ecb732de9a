import Recording
import Reports

/// Why a run ended, in the one line that is printed last, and the exit code that goes with it.
public struct RootCause: Sendable, Equatable {
  public var text: String
  public var code: ExitCode
  /// The workers' other errors, to be printed before it.
  public var others: [String]
  /// Whether a host went away, or may have, and mpirun did not say which.
  public var lostUnnamedHost = false

  /// How mpirun ended.
  public enum Ending: Sendable, Equatable {
    case exited(Int32)
    case signalled(Int32)
    /// It did not end by itself although no rank ran any more, or none was ever started.
    case abandoned(hadRanks: Bool)
  }

  /// Judges a run that did not end well.
  ///
  /// mpirun's own refusal comes first: no worker ran. A rank that ended without a word of its own
  /// comes before the complaints of the ranks that lost it. `directory` is where its logs are, if
  /// it keeps any. Otherwise the first error that a worker printed is the cause; what others
  /// printed later is mostly its echo.
  public init(
    ending: Ending, faults reader: MpirunOutputParser, step: Int?, directory: RunDirectory?
  ) {
    var death = reader.death
    if let process = death?.process, let host = death?.host, death?.rank == nil {
      death?.rank = directory?.rank(ofProcess: process, on: host)
    }
    let code = Self.code(ending, death: death)
    let grouped = Self.grouped(reader.faults)
    let silent = death.flatMap { death in
      reader.faults.contains { $0.rank == death.rank } ? nil : death
    }
    let words = directory.map { "; its words: \($0.mpirunLog)" } ?? ""
    let place = step.map { $0 > 0 ? " at step \($0)" : "" } ?? ""

    if reader.lostDaemon, (step ?? 0) > 0, reader.faults.isEmpty, reader.hostLost == nil {
      self.init(
        text: "a host can no longer be reached\(place): it, or mpirun's daemon on it, went down",
        code: .workerFailed, others: [])
      lostUnnamedHost = true
    } else if let refusal = reader.refusal, reader.faults.isEmpty {
      self.init(text: refusal.text, code: refusal.code, others: [])
    } else if let host = reader.hostLost {
      self.init(
        text:
          "\(host) can no longer be reached\(place): the host or the network went down\(directory.map { "; mpirun's words: \($0.mpirunLog)" } ?? "")",
        code: .workerFailed, others: grouped)
    } else if let death = silent, grouped.isEmpty || death.how.hasPrefix("was killed") {
      let host = death.host.map { " on \($0)" } ?? ""
      let last = reader.fatalMessage.map { ": \($0)" } ?? ""
      let log = death.rank.flatMap { rank in directory.map { "; its log: \($0.log(ofRank: rank))" }
      }
      let who =
        death.rank.map { "rank \($0)" }
        ?? "a rank (process \(death.process.map(String.init) ?? "?"))"
      self.init(
        text: "\(who)\(host) \(death.how)\(place)\(last)\(log ?? "")", code: code,
        others: grouped)
    } else if let first = grouped.first {
      self.init(text: first, code: code, others: Array(grouped.dropFirst()))
    } else {
      let how =
        switch ending {
        case .exited(0): "mpirun ended without a report from the workers"
        case .exited(let code): "mpirun ended with exit code \(code)"
        case .signalled(let signal): "mpirun was killed by signal \(signal)"
        case .abandoned(hadRanks: true):
          "mpirun did not end although none of its ranks ran any more: it was killed"
        case .abandoned(hadRanks: false): "mpirun started no rank and did not end: it was killed"
        }
      self.init(text: "\(how)\(place)\(words)", code: code, others: [])
      // PRRTE may end with a daemon's exit code and nothing else.
      if case .exited(1...) = ending, (step ?? 0) > 0 { lostUnnamedHost = true }
    }
  }

  public init(text: String, code: ExitCode, others: [String]) {
    self.text = text
    self.code = code
    self.others = others
  }

  /// A worker's code where it means something to the user, 70 for everything else.
  ///
  /// mpirun passes it on, except when it is asked to end the job just as the workers do.
  private static func code(_ ending: Ending, death: MpirunOutputParser.RankExit?) -> ExitCode {
    var candidates: [Int32] = []
    if case .exited(let status) = ending { candidates.append(status) }
    if let status = death?.exitCode { candidates.append(status) }
    return candidates.lazy.compactMap { ExitCode(rawValue: $0) }.first { $0 != .done }
      ?? .workerFailed
  }

  /// Equal messages from ranks of one host as one line: `ranks 0-3 on node1: …`, in the order of
  /// their first appearance.
  public static func grouped(_ faults: [MpirunOutputParser.Fault]) -> [String] {
    var groups: [(host: String, message: String, ranks: [Int])] = []
    for fault in faults {
      if let index = groups.firstIndex(where: {
        $0.host == fault.host && $0.message == fault.message
      }) {
        groups[index].ranks.append(fault.rank)
      } else {
        groups.append((fault.host, fault.message, [fault.rank]))
      }
    }
    return groups.map { "\(RankRanges.text($0.ranks)) on \($0.host): \($0.message)" }
  }
}
