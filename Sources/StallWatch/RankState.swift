import FlightRecorder

/// What is known of a rank at one instant, from its flight recorder and from the system.
public struct RankState: Codable, Sendable, Equatable {
  /// What a rank's process is doing, as the system says.
  public enum Condition: String, Codable, Sendable {
    case running
    /// By SIGSTOP or SIGTSTP.
    case stopped
    /// A debugger looks at it.
    case traced
    case gone
    /// Its host's watcher is silent.
    case unreachable

    /// Whether a rank of this condition cannot go on by itself.
    var isHalted: Bool { self == .stopped || self == .gone || self == .unreachable }
  }

  /// A collective that the rank has entered and not left.
  public struct Wait: Codable, Sendable, Equatable {
    public var entry: FlightImage.Entry
    public var seconds: Double
    /// The median of the rank's last waits of this kind in this communicator, in seconds; nil where
    /// there are too few.
    public var usual: Double?

    public init(entry: FlightImage.Entry, seconds: Double, usual: Double? = nil) {
      (self.entry, self.seconds, self.usual) = (entry, seconds, usual)
    }
  }

  public var rank: Int
  public var host: String
  public var process: Int32
  public var condition: Condition
  public var phase: FlightPhase
  public var step: Int
  /// Seconds for which it has neither done anything nor entered or left a collective.
  public var quiet: Double
  public var wait: Wait?
  public var groups: [FlightImage.Group]
  /// Its last collectives, oldest first.
  public var recent: [FlightImage.Entry]

  public init(
    rank: Int, host: String, process: Int32, condition: Condition = .running,
    phase: FlightPhase = .startUp, step: Int = 0,
    quiet: Double = 0, wait: Wait? = nil, groups: [FlightImage.Group] = [],
    recent: [FlightImage.Entry] = []
  ) {
    (self.rank, self.host, self.process, self.condition, self.phase) = (
      rank, host, process, condition, phase
    )
    (self.step, self.quiet, self.wait, self.groups, self.recent) = (
      step, quiet, wait, groups, recent
    )
  }

  /// How many members a communicator has; 0 where it is no member, as far as is known.
  func size(of group: UInt64) -> Int { groups.first { $0.identifier == group }?.size ?? 0 }

  /// How many collectives of a communicator it has entered; nil where it is no member, as far as is
  /// known. All are members of the world.
  package func entered(_ group: UInt64) -> Int? {
    groups.first { $0.identifier == group }?.entered ?? (group == StallJudge.world ? 0 : nil)
  }
}
