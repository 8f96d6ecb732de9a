import Recording

/// The first thing that a rank did otherwise than it is done at the other rank counts.
public struct FirstDivergence: Sendable, Equatable {
  /// Steps done when it showed; 0 before the first.
  public var step: Int
  public var kind: StepTrace.Kind
  /// The micro-batch, grain or block, where the kind has such.
  public var unit: Int?
  /// The rank count of the run it happened in.
  public var ranks: Int
  /// Who did it; nil where every rank of that run has it.
  public var rank: Int?
  public var host: String?
  /// Other ranks of that run, or other runs, that differ at the same stage.
  public var others: Int
  /// The tensor a grain belongs to.
  public var tensor: String?
  public var found: UInt64
  public var expected: UInt64

  /// The cause in one line.
  public var text: String {
    let host = host.map { " (\($0))" } ?? ""
    let who =
      rank.map { "rank \($0)\(host) of the run on \(NumberFormat.counted(ranks, "rank"))" }
      ?? "the run on \(NumberFormat.counted(ranks, "rank"))"
    let when =
      step == 0
      ? "before the first step" : kind == .evaluation ? "after step \(step)" : "at step \(step)"
    let more = others == 0 ? "" : "; \(others) more at the same stage"
    let bits = "0x\(StepTrace.hexadecimal(found)) instead of 0x\(StepTrace.hexadecimal(expected))"
    return "\(when) \(who) \(what) (\(bits))\(more)"
  }

  private var what: String {
    let unit = unit ?? 0
    let tensor = tensor ?? "grain \(unit)"
    return switch kind {
    case .gradient: "computed another gradient of micro-batch \(unit)"
    case .loss: "computed another loss of micro-batch \(unit)"
    case .sum: "has another sum of the gradients of \(tensor)"
    case .microBatchEntries: "entered micro-batch \(unit) in its ledger otherwise"
    case .grainEntries: "entered the norms of \(tensor) in its ledger otherwise"
    case .sent: "sent a ledger that is not the sum of what it had entered"
    case .total: "has other totals of the ledger"
    case .update: "updated \(tensor) otherwise"
    case .weights: "holds other weights"
    case .evaluation: "computed another loss of block \(unit) of the evaluation"
    }
  }
}
