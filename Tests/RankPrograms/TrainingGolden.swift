import GradientNorms
import MPI
import Models
import Training
import Vectors

/// The golden trajectories' models, data and optimisers; the rest is the same for all.
private let goldenCases: [String: (model: String, data: String, optimizer: String)] = [
  "mlp": ("hidden = [32, 16]", fashion, "kind = \"momentum\"\nlearning_rate = 0.1"),
  "cnn": ("", fashion, "kind = \"momentum\"\nlearning_rate = 0.05"),
]

private let fashion = "kind = \"fashion-mnist\""

/// Trains a golden trajectory's model, from its weights, at each rank count, exchange and micro-batch; prints a line a step.
///
/// Arguments: the model's kind, and the safetensors file to start from. A line is `RANKS EXCHANGE MICRO STEP LOSS NORM COEFFICIENT TENSOR=NORM …`.
let goldenProgram = RankProgram("golden") { world, arguments in
  guard let golden = goldenCases[arguments[0]] else { throw CheckFailure(description: "\(arguments[0]) is no golden model") }
  let text = """
    [model]
    kind = "\(arguments[0])"
    \(golden.model)
    [data]
    \(golden.data)
    order = "sequential"
    [training]
    global_batch = 32
    steps = 20
    [optimizer]
    \(golden.optimizer)
    [clip]
    rule = "global"
    max_norm = 1.0
    """
  let data = try TrainingData(try experiment(text).data, seed: 1, on: world)
  try onRanks([1, 2, 3, 4], of: world) { part in
    for exchange in ["replicated", "sharded"] {
      for micro in [8, 32] {
        let trainer = try Trainer(
          try experiment(text, "training.gradient=\(exchange)", "training.micro_batch=\(micro)"), data: data, on: part)
        try trainer.start(from: arguments[1], on: part)
        var lines = ""
        while trainer.stepsDone < trainer.totalSteps {
          let outcome = try trainer.step(on: part)
          let (ledger, decision) = (outcome.ledger, outcome.decision)
          let tensors = trainer.model.layout.segments.enumerated().map { "\($1.name)=\(ledger.norm(ofTensor: $0))" }
          let figures = [ledger.meanLoss, decision.norm ?? .nan, decision.coefficient ?? .nan].map { "\($0)" }
          lines += (["\(part.size)", exchange, "\(micro)", "\(outcome.step)"] + figures + tensors).joined(separator: " ") + "\n"
        }
        if part.rank == 0 { print(lines, terminator: "") }
        try part.expectEqual(trainer.weights.digest(), "the weights after \(trainer.stepsDone) steps")
      }
    }
  }
}
