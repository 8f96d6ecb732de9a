import Configuration
import Data
import GradientNorms
import MPI
import Training
import Vectors

/// Training runs, each on 1, 2, 3 and 4 ranks of four. Argument: the number of runs of each mode.
///
/// Prints a line a mode: `MODE: EQUAL of COUNT`, and the counts of the verdicts; a run whose
/// verdicts differ is a line too.
let verdictRanksProgram = RankProgram("verdict-ranks") { world, arguments in
  let count = Int(arguments[0])!
  for mode in ["reproducible", "free"] {
    var equal = 0
    var kinds: [String: Int] = [:]
    for index in 0..<count {
      let run = DrawnRun(index, mode == "reproducible")
      var judged = [Double](repeating: -1, count: 5)
      // First three ranks and one, then two ranks while the other two wait, then all four.
      try onPart(of: world, color: world.rank < 3 ? 0 : 1) {
        judged[$0.size] = Double(try run.kind(on: $0))
      }
      try onPart(of: world, color: world.rank / 2) {
        if world.rank < 2 { judged[$0.size] = Double(try run.kind(on: $0)) }
      }
      try onPart(of: world, color: 0) { judged[$0.size] = Double(try run.kind(on: $0)) }
      guard let all = try world.gather(judged.span) else { continue }
      let found = (1...4).map { size in
        ConvergenceVerdict.Kind.allCases[Int(all.map { $0[size] }.max()!)].rawValue
      }
      kinds[found[0], default: 0] += 1
      if Set(found).count == 1 { equal += 1 } else { print("\(run.overrides): \(found)") }
    }
    if world.rank == 0 {
      print("\(mode): \(equal) of \(count)")
      print(
        "\(mode) kinds: "
          + kinds.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
      )
    }
  }
}

private func onPart(
  of world: borrowing Communicator, color: Int, _ body: (borrowing Communicator) throws -> Void
) throws {
  let part = try world.split(color: color)
  try body(part)
  try part.free()
}

/// A run drawn by its number: model, data, rule, rate, length, schedule and clip.
private struct DrawnRun {
  let overrides: [String]

  init(_ index: Int, _ isReproducible: Bool) {
    var stream = RandomStream(isReproducible ? 20 : 21, UInt64(index))
    func one<Value>(_ values: [Value]) -> Value {
      values[Int(stream.integer(below: UInt64(values.count)))]
    }
    let rate = one([1e-9, 1e-4, 0.003, 0.02, 0.1, 0.3, 1, 4])
    var keys = one([
      ["model.kind=logistic"], ["model.kind=logistic"], ["model.hidden=[8]"], ["model.hidden=[8]"],
      ["model.hidden=[6,6,6,6,6,6]", "model.activation=sigmoid"],
    ])
    keys += [
      "seed=\(index + 1)", "optimizer.learning_rate=\(rate)",
      "optimizer.kind=\(one(["sgd", "sgd", "momentum", "adamw"]))",
    ]
    keys += [
      "training.steps=\(one([8, 20, 60, 200, 400, 800]))", "data.spread=\(one([0.3, 1.5, 4.0]))",
    ]
    keys +=
      one([[], [], ["schedule.kind=cosine"]])
      + one([[], [], ["clip.rule=global", "clip.max_norm=0.05"]])
    keys +=
      isReproducible
      ? ["training.reproducible=true"]
      : one([[], ["training.exchange=messages"], ["training.gradient=replicated"]])
    overrides = keys
  }

  private static let text = """
    [model]
    kind = "mlp"
    [data]
    kind = "blobs"
    samples = 4096
    classes = 3
    dimensions = 5
    [training]
    global_batch = 24
    micro_batch = 4
    """

  /// The verdict, by its place among all kinds. Collective.
  func kind(on part: borrowing Communicator) throws -> Int {
    let experiment = try Experiment(text: Self.text, source: "test.toml", overrides: overrides)
    let trainer = try Trainer(
      experiment, data: TrainingData(experiment.data, seed: experiment.seed, on: part), on: part)
    var tracker = ConvergenceTracker()
    while !trainer.isDone {
      let outcome = try trainer.step(on: part)
      tracker.record(outcome.ledger, outcome.decision, rate: outcome.learningRate)
    }
    return ConvergenceVerdict.Kind.allCases.firstIndex(of: tracker.verdict(stopped: false).kind)!
  }
}
