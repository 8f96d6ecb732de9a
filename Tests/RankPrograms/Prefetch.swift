import Configuration
import MPI
import Models
import Training
import Vectors

/// Runs whose weights arrive while the next forward pass computes reach the bits of runs that read
/// all weights after every step, are evaluated, saved and resumed in between. Argument: a directory.
let prefetchProgram = RankProgram("prefetch") { world, arguments in
  setComputeThreads(1)
  let ruled = ruleExperiments[0].text
  let wide = ["model.hidden=[700, 300]", "training.steps=6", "clip.rule=global"]
  let experiments: [(text: String, keys: [String])] = [
    (ruled, wide), (ruled, wide + ["training.micro_batch=7"]),
    (ruled, wide + ["training.global_batch=3", "training.micro_batch=1"]),
    (ruled, wide + ["regularization.sam_radius=0.05", "optimizer.kind=adamw"]),
    (ruled, wide + ["optimizer.kind=lamb", "evaluation.average=0.9"]),
    (ruled, wide + ["guard.compare_every=2", "clip.rule=agc", "clip.ratio=0.02"]),
    (acting, []),
  ].map { ($0.0, $0.1 + ["training.reproducible=false"]) }
  var cases: [Case] = []
  for (number, experiment) in experiments.enumerated() {
    for (ranks, ranksPerNode) in [(1, nil), (2, nil), (3, nil), (4, nil), (4, 2)] as [(Int, Int?)] {
      let exchange = ranksPerNode == nil ? "messages" : "shared"
      let keys =
        experiment.keys
        + ["training.gradient=sharded", "training.overlap=always", "training.exchange=\(exchange)"]
      let folder = "\(arguments[0])/\(number)-\(ranks)-\(exchange)"
      cases.append(
        Case("\(keys.joined(separator: " ")) on \(ranks) ranks", ranks: ranks) { part in
          try comparePrefetch(experiment.text, keys, ranksPerNode, in: folder, on: part)
        })
    }
  }
  try run(cases, on: world)
}

/// A model that asks for no weights: it waits for all of them.
private let acting = """
  [model]
  kind = "policy"
  hidden = [300, 300]
  [data]
  kind = "cartpole"
  episodes = 40
  test_episodes = 10
  [training]
  global_batch = 8
  micro_batch = 2
  steps = 5
  """

private func comparePrefetch(
  _ text: String, _ keys: [String], _ ranksPerNode: Int?, in folder: String,
  on part: borrowing Communicator
) throws {
  func made() throws -> Trainer {
    try trainer(text, keys, ranksPerNode: ranksPerNode, on: part)
  }
  let ahead = try made()
  while !ahead.isDone { _ = try ahead.stepAhead(on: part) }
  var careful = try made()
  while !careful.isDone {
    _ = try careful.step(on: part)
    // One rank alone reads them, then all do.
    if part.rank == 0 { _ = careful.weights.digest() }
    try part.barrier()
    try part.expectEqual(careful.weights.digest(), "the weights after \(careful.stepsDone) steps")
    _ = try careful.evaluate(on: part)
    if careful.stepsDone == 3 {
      _ = try careful.stepAhead(on: part)
      try careful.writeCheckpoint(in: folder, on: part)
      careful = try made()
      try careful.restoreCheckpoint(in: folder, on: part)
    }
  }
  try expect(ahead.weights.digest() == careful.weights.digest(), "the weights differ")
  try expect(
    try ahead.evaluate(on: part).loss == careful.evaluate(on: part).loss, "the scores differ")
}

/// A rank throws while weights, its own and those of others, are under way. Arguments: which one,
/// and how many ranks a node has.
let prefetchFailureProgram = RankProgram("prefetch-failure") { world, arguments in
  setComputeThreads(1)
  let ranksPerNode = arguments.count > 1 ? Int(arguments[1]) : nil
  let trainer = try trainer(
    ruleExperiments[0].text,
    [
      "model.hidden=[700, 300]", "training.reproducible=false", "training.gradient=sharded",
      "training.overlap=always",
      "training.exchange=\(ranksPerNode == nil ? "messages" : "shared")",
    ], ranksPerNode: ranksPerNode, on: world)
  for _ in 0..<3 { _ = try trainer.stepAhead(on: world) }
  if world.rank == Int(arguments[0]) {
    throw CheckFailure(description: "no more, with weights under way")
  }
  _ = try trainer.stepAhead(on: world)
  print("rank \(world.rank) has taken another step")
}
