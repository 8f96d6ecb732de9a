import Configuration
import Data
import GradientReduction
import MPI
import Optimizers
import Recording
import Reports
import Scaling
import TensorFiles
import Training

/// Programs that train.
let trainingPrograms: [RankProgram] = [
  goldenProgram, startProgram, oracleProgram, normTrapsProgram, ledgerCallsProgram, skipProgram,
  skipRunProgram, resumeProgram, metricsProgram, stopProgram,
  everyModelProgram, everyKindProgram,
  normRulesProgram, normUpdatesProgram, normOrdersProgram, normScopesProgram, normRatesProgram,
  normAdaptationProgram,
  normRegularizationProgram,
  normGuardsProgram,
  replicaProgram, skipLimitProgram, normNoiseProgram, normResumeProgram, sharedBitsProgram,
  sharedFallbackProgram, sharedMemoryProgram,
  bucketsProgram, bucketFailureProgram, prefetchProgram, prefetchFailureProgram, overlapBitsProgram,
  scheduleEndsProgram,
  verdictRanksProgram, casesProgram, parameterGroupsProgram, evaluationProgram,
  muonProgram, muonDividedProgram,
  noiseQuadraticProgram, autopsyProgram, autopsyCleanProgram, autopsySilentProgram,
]

/// A small network on blobs.
let small = """
  [model]
  hidden = [8]
  [data]
  kind = "blobs"
  samples = 400
  classes = 3
  dimensions = 10
  [training]
  global_batch = 12
  steps = 30
  """

/// An experiment from its text.
func experiment(_ text: String, _ overrides: [String] = []) throws -> Experiment {
  try Experiment(text: text, source: "test.toml", overrides: overrides)
}

/// A trainer for an experiment, on data that it opens itself. Collective.
func trainer(
  _ text: String, _ overrides: [String], ranksPerNode: Int? = nil, simulation: Simulation? = nil,
  on world: borrowing Communicator
) throws -> Trainer {
  let experiment = try experiment(text, overrides)
  let data = try TrainingData(experiment.data, seed: experiment.seed, on: world)
  return try Trainer(
    experiment, data: data, ranksPerNode: ranksPerNode, simulation: simulation, on: world)
}

/// Options of a run of a file, without messages.
func quietOptions(
  _ file: String, _ overrides: [String], output: String, resume: Bool = false
) -> RunOptions {
  RunOptions(
    experiment: file, overrides: overrides, output: output, resume: resume, voice: .quiet)
}

/// The keys that choose each exchange of gradients, but for the reproducible ones, whose parts are
/// micro-batches.
let exchanges: [(name: String, keys: [String])] = [
  ("replicated", ["training.gradient=replicated"]), ("messages", ["training.exchange=messages"]),
  ("shared", ["training.exchange=shared"]),
  ("overlapped", ["training.gradient=replicated", "training.overlap=always"]),
]

/// Copies a run's directory without some of its checkpoints and without its results, and resumes the
/// copy. Collective.
func resume(
  _ source: String, as target: String, without checkpoints: [Int], _ file: String,
  _ overrides: [String], on world: borrowing Communicator
) throws -> Run {
  let names = checkpoints.map { "checkpoints/step-" + String(String(100_000_000 + $0).dropFirst()) }
  try world.copy(source, to: target, without: names + ["report.json", "final.safetensors"])
  return try Run(quietOptions(file, overrides, output: target, resume: true), on: world)
}

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
      parts.append(SHA256.digest(of: moment(index).span.bytes))
    }
    return parts.joined(separator: " ")
  }
}
