import Benchmark
import CRankPrograms
import Configuration
import Data
import MPI
import Models
import Optimizers
import Recording
import Reports
import Training
import Vectors

/// The most that a step may ask of the heap after warm-up: calls and bytes a step, and bytes at a
/// time. Lists of a few numbers, one a rank or a tensor; nothing of a
/// ledger's, a batch's or a model's size.
private let (mostCalls, mostBytes, largest) = (16, 2048, 1024)

/// Counts what the training thread asks the heap for in steps of every bench workload, and of a
/// reproducible one.
///
/// Arguments: a workload or `all`; `where` prints the places that ask for most. Steps that begin an
/// epoch are not among those counted: its order is new.
let allocationPrograms: [RankProgram] = [
  RankProgram("allocations") { world, arguments in
    setComputeThreads(1)
    let chosen = arguments.first ?? "all"
    let printsStacks = arguments.dropFirst().first == "where"
    let reproducible = (Workload.named("mlp-small")!, ["training.reproducible=true"])
    var cases: [Case] = []
    for (workload, keys) in Workload.all.map({ ($0, [String]()) }) + [reproducible]
    where ["all", workload.name].contains(chosen) {
      let name = ([workload.name] + keys).joined(separator: " ")
      cases.append(
        Case(name, ranks: world.size) { world in
          // About as long as a short epoch, or a few seconds.
          let steps = min(50, workload.steps / 10)
          let experiment = try Experiment(
            text: workload.experiment(ranks: world.size, steps: 1000), source: workload.name,
            overrides: keys)
          let trainer = try Trainer(
            experiment, data: TrainingData(experiment.data, seed: 1, on: world), on: world)
          for _ in 0..<Workload.warmUp { _ = try trainer.step(on: world) }
          crp_count_allocations(printsStacks ? 1 : 0)
          for _ in 0..<steps { _ = try trainer.step(on: world) }
          let counted = crp_counted_allocations()
          let (calls, bytes) = (counted.calls / steps, counted.bytes / steps)
          if world.rank == 0 {
            print(
              "\(name) on \(world.size) ranks: \(calls) calls, \(bytes) bytes a step, the largest of \(counted.largest); oneDNN and MPI: "
                + "\(counted.foreign_calls / steps) calls, \(counted.foreign_bytes / steps) bytes; \(counted.page_faults) pages in \(steps) steps"
            )
          }
          if printsStacks && world.rank == 0 { crp_print_allocation_stacks(12) }
          try expect(
            counted.largest <= largest && calls <= mostCalls && bytes <= mostBytes,
            "\(calls) calls and \(bytes) bytes a step, \(counted.largest) at a time")
        })
    }
    try run(cases, on: world)
  },
  // Sharded, a rank has its part of the optimiser's state: the vector's length over the number of
  // ranks, to within one tile, which a slice never cuts.
  RankProgram("optimizer-shares") { world, _ in
    var cases: [Case] = []
    for kind in ["momentum", "adamw"] {
      for keys in [
        ["exchange=shared"], ["exchange=messages"], ["reproducible=true"],
        ["reproducible=true", "exchange=messages"],
      ] {
        cases.append(
          Case("\(kind) \(keys.joined(separator: " "))", ranks: world.size) { world in
            let experiment = try Experiment(
              text: Workload.named("gpt-cpu")!.experiment(ranks: world.size, steps: 1),
              source: "shares",
              overrides: keys.map { "training." + $0 } + ["optimizer.kind=\(kind)"])
            let trainer = try Trainer(
              experiment, data: TrainingData(experiment.data, seed: 1, on: world), on: world)
            let layout = trainer.model.layout
            let grain = layout.segments.indices.reduce(0) { max($0, layout.tile(of: $1)) }
            // One element of each moment for each position that it owns.
            let mine = trainer.optimizer.owned.count
            try expect(
              mine <= layout.elementCount / world.size + grain,
              "\(mine) of \(layout.elementCount) elements on \(world.size) ranks")
            let all = try world.allReduce(Int64(mine), .sum)
            try expect(
              all == layout.elementCount, "\(all) of \(layout.elementCount) elements in all")
          })
      }
    }
    try run(cases, on: world)
  },
]
