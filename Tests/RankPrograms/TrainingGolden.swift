import Configuration
import Data
import GradientNorms
import MPI
import Models
import Training
import Vectors

/// Trains a golden trajectory's model, from its weights, at each rank count, exchange and
/// micro-batch; prints a line a step.
///
/// Arguments: the safetensors file to start from, and the experiment's `key=value`s. A line is
/// `RANKS EXCHANGE MICRO STEP LOSS NORM COEFFICIENT TENSOR=NORM …`; after the last, of a model with
/// running statistics, `RANKS EXCHANGE MICRO running TENSOR=VALUE,VALUE,… …`.
let goldenProgram = RankProgram("golden") { world, arguments in
  let text = """
    [data]
    order = "sequential"
    [training]
    global_batch = 32
    steps = 20
    [clip]
    rule = "global"
    """
  let overrides = Array(arguments.dropFirst())
  let data = try TrainingData(
    try Experiment(text: text, source: "golden", overrides: overrides).data, seed: 1, on: world)
  try onRanks([1, 2, 3, 4], of: world) { part in
    for (exchange, keys) in exchanges {
      for micro in [8, 32] {
        let own = keys + ["training.micro_batch=\(micro)"]
        let trainer = try Trainer(
          try Experiment(text: text, source: "golden", overrides: overrides + own), data: data,
          on: part)
        try trainer.start(from: arguments[0], on: part)
        var lines = ""
        while trainer.stepsDone < trainer.totalSteps {
          let outcome = try trainer.step(on: part)
          let (ledger, decision) = (outcome.ledger, outcome.decision)
          let tensors = trainer.model.layout.segments.enumerated().map {
            "\($1.name)=\(ledger.norm(ofTensor: $0))"
          }
          let figures = [ledger.meanLoss, decision.norm ?? .nan, decision.coefficient ?? .nan].map {
            "\($0)"
          }
          lines +=
            (["\(part.size)", exchange, "\(micro)", "\(outcome.step)"] + figures + tensors).joined(
              separator: " ") + "\n"
          if outcome.step == 1, let samples = outcome.sampleNorms {
            let largest = samples.largest.map { " \($0.index)=\($0.norm)" }.joined()
            lines +=
              "\(part.size) \(exchange) \(micro) samples \(ledger[.sampleNorms]) \(ledger[.sampleSquares])\(largest)\n"
          }
        }
        if let running = trainer.model.runningStatistics {
          let tensors = running.layout.segments.map { segment in
            "\(segment.name)=\(segment.range.map { "\(running.values.base[$0])" }.joined(separator: ","))"
          }
          lines += "\(part.size) \(exchange) \(micro) running \(tensors.joined(separator: " "))\n"
          try part.expectEqual(
            running.values.digest(), "the running statistics after \(trainer.stepsDone) steps")
        }
        if part.rank == 0 { print(lines, terminator: "") }
        try part.expectEqual(
          trainer.weights.digest(), "the weights after \(trainer.stepsDone) steps")
      }
    }
  }
}
