import Benchmark
import Configuration
import Data
import Glibc
import GradientReduction
import MPI
import Models
import Recording
import Reports
import Training

/// How many times as long a step takes that measures the norms of its samples, in one run:
/// without, with the noise of samples, with all that `report.samples` records, and with each sample
/// clipped (`clip.scope = "sample"`, of whose steps every tenth has a pass without the clip), and the
/// same in reproducible runs, and without what an autopsy remembers, in blocks that take turns.
///
/// Of each block the ratio to the block without counts; printed are the median of the ratios with
/// the order statistics that hold it with 95 %, and how much the process grew by each. Arguments:
/// the workload, blocks, steps a block.
let sampleCostProgram = RankProgram("sample-cost") { world, arguments in
  setComputeThreads(1)
  guard let workload = Workload.named(arguments.first ?? "mlp") else {
    throw CheckFailure(description: "no such workload")
  }
  let blocks = arguments.count > 1 ? Int(arguments[1])! : 30
  let perBlock = arguments.count > 2 ? Int(arguments[2])! : 10
  let (samples, reproducible) = ("report.samples=true", "training.reproducible=true")
  let clipped = ["clip.rule=global", "clip.scope=sample"]
  let variants: [(name: String, keys: [String], base: Int)] = [
    ("plain", [], 0), ("noise of samples", ["report.noise=samples"], 0),
    ("samples", [samples, "report.noise=samples"], 0), ("clipped samples", clipped, 0),
    ("reproducible", [reproducible], 4), ("reproducible samples", [reproducible, samples], 4),
    ("reproducible clipped samples", [reproducible] + clipped, 4),
    // The first of all lies in other memory than the rest: compared with one made after it.
    ("plain again", [], 0), ("without autopsy", ["guard.autopsy=false"], 7),
  ]
  var trainers: [Trainer] = []
  var memory = [residentMegabytes()]
  for variant in variants {
    let experiment = try Experiment(
      text: workload.experiment(ranks: world.size, steps: 1_000_000), source: workload.name,
      overrides: variant.keys)
    let trainer = try Trainer(
      experiment, data: TrainingData(experiment.data, seed: 1, on: world), on: world)
    for _ in 0..<3 { _ = try trainer.step(on: world) }
    trainers.append(trainer)
    memory.append(residentMegabytes())
  }
  var times = trainers.map { _ in [Double]() }
  for block in 0...blocks {
    for (index, trainer) in trainers.enumerated() {
      try world.barrier()
      let start = monotonicNanoseconds()
      for _ in 0..<perBlock { _ = try trainer.step(on: world) }
      let seconds = Double(monotonicNanoseconds() - start) * 1e-9
      let slowest = try world.allReduce(seconds / Double(perBlock), .maximum)
      // The first block warms up.
      if block > 0 { times[index].append(slowest * 1e3) }
    }
  }
  guard world.rank == 0 else { return }
  for (index, variant) in variants.enumerated() {
    let ratios = zip(times[index], times[variant.base]).map { $0 / $1 }.sorted()
    let margin = Int((0.98 * Double(ratios.count).squareRoot()).rounded(.up))
    let (low, high) = (
      ratios[max(0, ratios.count / 2 - margin)],
      ratios[min(ratios.count - 1, ratios.count / 2 + margin)]
    )
    func text(_ value: Double) -> String { NumberFormat.fixed(value, decimals: 3) }
    print(
      "\(workload.name) \(variant.name): \(text(times[index].sorted()[blocks / 2])) ms, \(text(ratios[ratios.count / 2])) (\(text(low))-\(text(high))) of \(variants[variant.base].name), +\(NumberFormat.fixed(memory[index + 1] - memory[index], decimals: 1)) MB"
    )
  }
}

/// What of this process is in memory now.
private func residentMegabytes() -> Double {
  guard let file = fopen("/proc/self/statm", "r") else { return .nan }
  defer { fclose(file) }
  var line = [CChar](repeating: 0, count: 256)
  guard fgets(&line, Int32(line.count), file) != nil else { return .nan }
  let words = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    .split(separator: " ")
  return Double(words[1])! * Double(sysconf(Int32(_SC_PAGESIZE))) / 1e6
}
