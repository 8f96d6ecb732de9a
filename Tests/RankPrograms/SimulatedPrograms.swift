import Configuration
import GradientReduction
import Data
import MPI
import Models
import Recording
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

/// Runs with and without a simulated cluster: the same bits in every kind of exchange, and times
/// that the cluster explains.
let simulatedProgram = RankProgram("simulated") { world, _ in
  setComputeThreads(1)
  let choices = [
    ["training.exchange=messages"], ["training.exchange=shared"], ["training.gradient=replicated"],
    ["training.reproducible=true"],
  ]
  var cases = choices.flatMap { keys in
    [2, 3].map { ranks in
      Case("\(keys[0]) on \(ranks) ranks", ranks: ranks) { try compare(keys, on: $0) }
    }
  }
  cases.append(Case("a straggler", ranks: 2) { try stragglerIsSlow(on: $0) })
  try run(cases, on: world)
}

private func compare(_ keys: [String], on world: borrowing Communicator) throws {
  let simulation = try Simulation("latency=1ms,bandwidth=80Mbit/s,hosts=3,straggler=1:8")
  let real = try Transcript(of: try trainer(text, keys, on: world), on: world)
  let slow = try Transcript(
    of: try trainer(text, keys, simulation: simulation, on: world), on: world)
  try slow.expectEqual(to: real, "simulated and real", on: world)
  // The same steps again, for their times.
  let timed = try trainer(text, keys, simulation: simulation, on: world)
  let placement = simulation.placement(ranks: world.size)
  let bytes = Double(timed.model.layout.elementCount * 4)
  guard
    let step = Trainer.pattern(timed.settings.training, on: placement).step(
      bytes: bytes, on: placement)
  else { fatalError() }
  let modelled = simulation.seconds(step.total)
  try expect(modelled > 2e-3, "the simulated exchange takes no time: \(modelled)")
  for _ in 0..<6 {
    let seconds = try timed.step(on: world).totalSeconds
    try expect(seconds >= modelled, "a step took \(seconds) s, its exchange \(modelled) s")
  }
}

/// The straggler's computing takes its factor longer than the same computing does, and is booked as
/// computing.
private func stragglerIsSlow(on world: borrowing Communicator) throws {
  let keys = ["training.global_batch=512", "training.micro_batch=256"]
  let trainer = try trainer(text, keys, simulation: Simulation("straggler=1:8"), on: world)
  var fastest = [Double.infinity]
  for _ in 0..<30 { fastest[0] = min(fastest[0], try trainer.step(on: world).seconds[.compute]) }
  let all = try world.allGather(fastest.span)
  try expect(
    all[1] > 4 * all[0], "the straggler computes for \(all[1]) s, the other for \(all[0]) s")
}
