import Coordination
import MPI
import Models
import Reports
import Scaling
import Training
import Vectors

private let text = """
  [model]
  hidden = [40, 7]
  [data]
  kind = "blobs"
  samples = 700
  dimensions = 33
  [training]
  global_batch = 70
  micro_batch = 9
  steps = 6
  [clip]
  rule = "global"
  max_norm = 0.3
  """

/// Runs with and without a simulated cluster: the same bits in every kind of exchange, and times that the cluster explains.
let simulatedProgram = RankProgram("simulated") { world, _ in
  setComputeThreads(1)
  let simulation = try Simulation("latency=1ms,bandwidth=80Mbit/s,hosts=3,straggler=1:8")
  for keys in [
    ["training.exchange=messages"], ["training.exchange=shared"], ["training.gradient=replicated"], ["training.reproducible=true"],
  ] {
    try onRanks([2, 3], of: world) { part in
      let experiment = try Experiment(text: text, source: "simulated", overrides: keys)
      let data = try TrainingData(experiment.data, seed: experiment.seed, on: part)
      func trainer(_ simulation: Simulation?) throws -> Trainer { try Trainer(experiment, data: data, simulation: simulation, on: part) }
      let real = try Transcript(of: trainer(nil), on: part)
      let slow = try Transcript(of: trainer(simulation), on: part)
      if part.rank == 0, let difference = slow.difference(from: real) {
        throw CheckFailure(description: "\(keys) on \(part.size) ranks: \(difference)")
      }
      // The same steps again, for their times.
      let timed = try trainer(simulation)
      let bytes = Double(timed.model.layout.elementCount * 4)
      let placement = simulation.placement(ranks: part.size)
      guard let step = Trainer.pattern(experiment.training, on: placement).step(bytes: bytes, on: placement) else { fatalError() }
      let modelled = simulation.seconds(step.total)
      for _ in 0..<6 {
        let outcome = try timed.step(on: part)
        try expect(outcome.totalSeconds >= modelled, "\(keys): a step took \(outcome.totalSeconds) s, its exchange \(modelled) s")
        try expect(modelled > 4e-3, "the simulated exchange takes no time: \(modelled)")
      }
    }
  }
  try stragglerIsSlow(on: world)
}

/// The straggler's computing takes its factor longer than the same computing does, and is booked as computing.
private func stragglerIsSlow(on world: borrowing Communicator) throws {
  try onRanks([2], of: world) { part in
    let experiment = try Experiment(text: text, source: "simulated", overrides: ["training.global_batch=512", "training.micro_batch=256"])
    let data = try TrainingData(experiment.data, seed: experiment.seed, on: part)
    let trainer = try Trainer(experiment, data: data, simulation: Simulation("straggler=1:8"), on: part)
    var fastest = Double.infinity
    for _ in 0..<30 { fastest = min(fastest, try trainer.step(on: part).seconds.compute) }
    let mine = fastest
    let all = try part.allGather([mine].span)
    try expect(all[1] > 4 * all[0], "the straggler computes for \(all[1]) s, the other for \(all[0]) s")
  }
}
