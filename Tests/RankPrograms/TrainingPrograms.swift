import Configuration
import GradientReduction
import MPI
import Optimizers
import TensorFiles
import Training

/// Programs that train.
let trainingPrograms: [RankProgram] = [
  goldenProgram, startProgram, oracleProgram, normTrapsProgram, ledgerCallsProgram, skipProgram,
  skipRunProgram, resumeProgram, stopProgram,
  everyModelProgram, everyKindProgram,
  normRulesProgram, normOrdersProgram, normScopesProgram, normRatesProgram, normAdaptationProgram,
  normRegularizationProgram,
  normGuardsProgram,
  replicaProgram, skipLimitProgram, normNoiseProgram, normResumeProgram, sharedBitsProgram,
  sharedFallbackProgram, sharedMemoryProgram,
  bucketsProgram, bucketFailureProgram, overlapBitsProgram, scheduleEndsProgram,
  verdictRanksProgram,
]

/// An experiment from its text.
func experiment(_ text: String, _ overrides: String...) throws -> Experiment {
  try Experiment(text: text, source: "test.toml", overrides: overrides)
}

/// The keys by which each exchange of gradients is chosen that does not tell micro-batches apart.
let exchanges: [(name: String, keys: [String])] = [
  ("replicated", ["training.gradient=replicated"]), ("messages", ["training.exchange=messages"]),
  ("shared", ["training.exchange=shared"]),
  ("overlapped", ["training.gradient=replicated", "training.overlap=always"]),
]

/// Says whether `value` is `truth` to a relative error.
func isClose(_ value: Double, _ truth: Double, _ tolerance: Double) -> Bool {
  abs(value - truth) <= tolerance * abs(truth)
}

extension Communicator {
  /// Checks that every rank gives the same text.
  borrowing func expectEqual(_ text: String, _ what: String) throws {
    guard let all = try gather(text) else { return }
    try expect(Set(all).count == 1, "\(what) differs between the ranks: \(all)")
  }
}

extension Trainer {
  /// Weights and optimiser state of this rank, as digests.
  var fingerprint: String {
    var parts = [weights.digest()]
    for index in optimizer.rule.momentNames.indices {
      parts.append(SHA256.digest(of: optimizer.moment(index).bytes))
    }
    return parts.joined(separator: " ")
  }
}
