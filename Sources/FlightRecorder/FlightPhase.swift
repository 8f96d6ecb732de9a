/// What a rank is doing, in the large.
public enum FlightPhase: UInt32, Sendable, CaseIterable, Codable {
  case startUp = 0
  case data, compute, checkpoint, evaluation, end

  public var name: String {
    switch self {
    case .startUp: "start-up"
    case .data: "reading data"
    case .compute: "computing"
    case .checkpoint: "checkpoint input or output"
    case .evaluation: "evaluation"
    case .end: "the end"
    }
  }

  /// Whether files decide how long it takes: a stall's limit is then three times as long.
  public var isInputOrOutput: Bool { self == .data || self == .checkpoint }
}
