import FlightRecorder
import Recording
import Reports

/// A job that does not go on, and what keeps it.
public struct Stall: Sendable, Equatable {
  public enum Cause: String, Sendable {
    /// A rank has not come, though its process runs.
    case missing
    /// A rank's process is stopped or gone, or its host is silent.
    case halted
    /// Ranks call different collectives.
    case mismatch
    /// All have come, and the collective does not end.
    case stuck
  }

  /// How the missing ranks stand to the collective.
  public enum Relation: Sendable { case notEntered, notLeft, last }

  /// A rank that the others wait for.
  public struct Rank: Sendable, Equatable {
    public var rank: Int
    public var host: String
    public var process: Int32
    public var condition: RankState.Condition
    public var phase: FlightPhase
    public var step: Int

    init(_ state: RankState) {
      (rank, host, process) = (state.rank, state.host, state.process)
      (condition, phase, step) = (state.condition, state.phase, state.step)
    }
  }

  /// What a rank called where others called something else.
  public struct Call: Sendable, Equatable {
    public var rank: Int
    public var host: String
    public var entry: FlightImage.Entry
  }

  public var cause: Cause
  public var missing: [Rank]
  /// What the others wait in, or a stopped rank's last one.
  public var collective: FlightImage.Entry?
  public var relation = Relation.notEntered
  public var waiting: [Int]
  public var calls: [Call] = []
  public var seconds: Double
  /// Seconds that waits of this kind take usually.
  public var usual: Double?

  /// The seconds from which on it counts, where the user asked for `seconds`; ten times the usual
  /// at least.
  public func limit(_ seconds: Double) -> Double { max(seconds, StallJudge.factor * (usual ?? 0)) }

  /// Whether files may be the reason, which take as long as they take.
  public var isInputOrOutput: Bool {
    cause == .missing && missing.contains { $0.phase.isInputOrOutput }
  }

  /// Whether it is the same stall as one found before, later on.
  public func continues(_ other: Stall) -> Bool {
    if !missing.isEmpty { return missing.map(\.rank) == other.missing.map(\.rank) }
    return other.missing.isEmpty && cause == other.cause
      && collective?.group == other.collective?.group
      && collective?.sequence == other.collective?.sequence
  }

  /// The step that it keeps from ending.
  public var step: Int { max(collective?.step ?? 0, missing.map(\.step).max() ?? 0) }

  // MARK: In words

  /// Which ranks, on which host, and which collective of which step; who waits; what to do.
  public var text: String {
    let time = "\(NumberFormat.fixed(seconds, decimals: seconds < 10 ? 1 : 0)) s"
    switch cause {
    case .missing, .halted:
      let names = Self.names(missing.map { ($0.rank, $0.host) })
      let waits =
        waiting.isEmpty
        ? "" : "; \(RankRanges.text(waiting)) \(waiting.count == 1 ? "waits" : "wait")"
      guard relation != .last, let collective else {
        return
          "\(names): \(state), for \(time)\(collective.map { "; last in \(Self.place($0))" } ?? "")\(waits)"
      }
      let verb =
        "\(missing.count == 1 ? "has" : "have") not \(relation == .notLeft ? "left" : "entered")"
      return "\(names) \(verb) \(Self.place(collective)) for \(time): \(state)\(waits)"
    case .mismatch:
      let words = Dictionary(grouping: calls) {
        "\($0.entry.kind.name) of \(NumberFormat.grouped($0.entry.bytes)) bytes"
      }
      .map { (ranks: $0.value.map(\.rank).sorted(), text: $0.key) }.sorted {
        $0.ranks[0] < $1.ranks[0]
      }
      .map { "\(RankRanges.text($0.ranks)) the \($0.text)" }
      let step = step > 0 ? " in step \(step)" : " before the first step"
      return
        "\(Self.names(calls.map { ($0.rank, $0.host) })) call different collectives\(step): \(words.joined(separator: ", ")) (no. \(collective?.sequence ?? 0)); "
        + "they have waited for \(time); all ranks must make the same calls in the same order"
    case .stuck:
      return
        "all ranks have entered \(collective.map(Self.place) ?? "a collective"), and \(RankRanges.text(waiting)) "
        + "\(waiting.count == 1 ? "has" : "have") not left it for \(time): check the network between the hosts"
    }
  }

  /// What the missing ranks do, and the remedy.
  private var state: String {
    let conditions = Set(missing.map(\.condition))
    guard conditions.count == 1, let condition = conditions.first else { return "stopped or gone" }
    let processes = missing.map { String($0.process) }.joined(separator: " ")
    switch condition {
    case .stopped:
      return
        "stopped (process\(missing.count == 1 ? "" : "es") \(processes); kill -CONT \(processes) lets \(missing.count == 1 ? "it" : "them") go on)"
    case .gone: return "its process is gone"
    case .unreachable: return "its host does not answer"
    case .running, .traced:
      let phases = Set(missing.map(\.phase.name)).sorted().joined(separator: ", ")
      return "no progress in \(phases) (process\(missing.count == 1 ? "" : "es") \(processes))"
    }
  }

  /// "the all-reduce of step 12 (no. 345, 8,096 bytes)".
  package static func place(_ entry: FlightImage.Entry) -> String {
    let step = entry.step > 0 ? " of step \(entry.step)" : ""
    let bytes = entry.bytes > 0 ? ", \(NumberFormat.grouped(entry.bytes)) bytes" : ""
    return "the \(entry.kind.name)\(step) (no. \(entry.sequence)\(bytes))"
  }

  /// "ranks 1,3 on node1, rank 4 on node2".
  package static func names(_ ranks: [(rank: Int, host: String)]) -> String {
    var hosts: [String] = []
    for rank in ranks where !hosts.contains(rank.host) { hosts.append(rank.host) }
    return hosts.map { host in
      "\(RankRanges.text(ranks.filter { $0.host == host }.map(\.rank))) on \(host)"
    }.joined(separator: ", ")
  }
}

extension Stall: JSONWritable {
  /// A line of `incidents.jsonl`.
  public func write(to json: inout JSONText) {
    let first = missing.first
    json.object {
      $0.field("step", step)
      $0.field("kind", "stall")
      $0.field("cause", "unknown")
      $0.field("rank", first?.rank ?? calls.last?.rank)
      $0.field("host", first?.host ?? calls.last?.host)
      $0.field("collective", collective?.kind.name)
      $0.field("sequence", collective?.sequence)
      $0.field("bytes", collective?.bytes)
      for (name, ranks) in [("missing", missing.map(\.rank)), ("waiting", waiting)] {
        $0.key(name)
        $0.array(ranks) { $0.value($1) }
      }
      $0.field("seconds", seconds)
      $0.field(
        "state", cause == .mismatch || cause == .stuck ? cause.rawValue : first?.condition.rawValue)
      $0.field("phase", first?.phase.name)
      $0.field("text", text)
    }
  }
}
