import GradientNorms
import GradientReduction
import MPI
import Optimizers
import Recording
import Vectors

// Whether the optimiser's state is one that gradients can make.
extension Autopsy {
  struct MomentFault {
    var rank: Int
    var tensor: Int
    /// How many times what gradients can make of it.
    var excess: Double
  }

  /// A flipped bit that raises an alarm is far beyond the bound; what the bound leaves out, such as
  /// the weights' decay in the first step, is not.
  private static let margin = 4.0

  /// Where a moment is what no gradients could have made of it. Collective.
  func momentsAtFault(on world: borrowing Communicator) throws -> MomentFault? {
    var worst = (excess: 0.0, tensor: 0)
    for (part, _) in updater.partition.updateParts where !frozen.contains(part.tensor) {
      let excess = updater.optimizer.excess(
        in: part.range, bound: memory.momentBounds?[part.tensor])
      if !(excess <= worst.excess) { worst = (excess, part.tensor) }
    }
    let mine = [worst.excess, Double(worst.tensor)]
    let all: [Double] = try world.allGather(mine.span)
    let ranks = (0..<world.size).map { (excess: all[2 * $0], tensor: Int(all[2 * $0 + 1])) }
    let rank = ranks.indices.max { ranks[$0].excess < ranks[$1].excess } ?? 0
    guard ranks[rank].excess > Self.margin else { return nil }
    return MomentFault(rank: rank, tensor: ranks[rank].tensor, excess: ranks[rank].excess)
  }

  /// What the fault of a moment makes of a finding: the run ends before a checkpoint of it.
  func blaming(_ moment: MomentFault, _ finding: IncidentRecord) -> Incident {
    var finding = finding
    finding.cause = .optimizerState
    (finding.rank, finding.tensor) = (moment.rank, name(moment.tensor))
    finding.evidence.append(
      "\(updater.optimizer.rule.momentNames[0]) of \(name(moment.tensor) ?? "") on rank \(moment.rank) is \(formatted(moment.excess)) times the most that gradients can make of it"
    )
    return Incident(
      finding.saying(
        "the optimiser's state on rank \(moment.rank) was changed by a fault of memory: resume from a checkpoint before it"
      ), .atOnce)
  }
}
