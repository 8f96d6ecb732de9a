import Configuration
import GradientReduction
import Data
import Glibc
import GradientNorms
import MPI
import Models
import Recording
import Reports
import TensorFiles
import Training
import Vectors

/// One workload, timed in the real trainer. Collective: every rank of `world` makes the same calls.
public final class TimedRun {
  private let workload: Workload
  private let trainer: Trainer
  private let data: TrainingData
  private let steps: Int
  private let threads: Int
  /// For each timed step: this rank's nanoseconds from the barrier to its updated weights, without
  /// those of reading the batch.
  private var times: [Double] = []
  private var seconds = PhaseTimes()
  private var productSpeed: [Double] = []
  private var last: StepOutcome?
  private var peakBytes: Int64 = 0
  private let profile: StepProfile?
  /// How often products and steps change places.
  private static let turns = 10

  /// Reads the data and makes the replicas, which compute with so many `threads` each; `profiles`
  /// notes the times within steps.
  public init(
    _ workload: Workload, steps: Int, threads: Int, profiles: Bool,
    on world: borrowing Communicator
  ) throws {
    (self.workload, self.steps, self.threads) = (workload, steps, threads)
    setComputeThreads(threads)
    let text = workload.experiment(ranks: world.size, steps: Workload.warmUp + steps)
    let experiment = try Experiment(text: text, source: workload.name, overrides: [])
    data = try TrainingData(experiment.data, seed: experiment.seed, on: world)
    trainer = try Trainer(experiment, data: data, on: world)
    profile = profiles ? StepProfile() : nil
  }

  /// Warms up and times steps in turns with large matrix products, on all ranks at once. The result
  /// is rank 0's.
  ///
  /// A step begins at a barrier and is over on a rank when its weights are updated; the slowest
  /// rank's counts. Only times are noted between two steps: they are compared at the end.
  public func measure(tracingTo path: String? = nil, on world: borrowing Communicator) throws
    -> BenchResult?
  {
    for _ in 0..<Workload.warmUp { _ = try trainer.step(on: world) }
    try trainer.finishAllGather()
    // The first steps make all that a step needs; the products that are timed next have memory of
    // their own.
    peakBytes = try world.allReduce(Int64(residentPeak()), .maximum)
    times.reserveCapacity(steps)
    // Turns so short that what else the machine does, and how fast its clock runs, falls on steps
    // and products alike: of both the median counts.
    if let profile { trainer.observers.add(profile) }
    for turn in 0..<Self.turns {
      try timeProducts(on: world)
      for _ in turn * steps / Self.turns..<(turn + 1) * steps / Self.turns { try step(on: world) }
    }
    if let profile { trainer.observers.remove(profile) }
    let profile = try profile.map { try self.profile(from: $0, path: path ?? "", on: world) }
    return try result(profile: profile ?? nil, on: world)
  }

  private func step(on world: borrowing Communicator) throws {
    try world.barrier()
    let start = monotonicNanoseconds()
    let outcome = try trainer.stepAhead(on: world)
    try trainer.finishAllGather()
    let end = monotonicNanoseconds()
    profile?.note(.step, from: start, to: end)
    // A step is timed from the moment its batch is ready, as with peers whose loaders read ahead.
    times.append(Double(end - start) - outcome.seconds[.data] * 1e9)
    seconds += outcome.seconds
    last = outcome
  }

  private func timeProducts(on world: borrowing Communicator) throws {
    try world.barrier()
    productSpeed += productSpeeds(repeats: 3)
    try world.barrier()
  }

  private func result(profile: BenchProfile?, on world: borrowing Communicator) throws
    -> BenchResult?
  {
    let sums = [productSpeed.median] + seconds.values
    let own = times
    let (allTimes, allSums) = (try world.gather(own.span), try world.gather(sums.span))
    guard let allTimes, let allSums, let last else { return nil }
    let slowest = (0..<steps).map { step in allTimes.reduce(0) { max($0, $1[step]) } }
    let median = slowest.median * 1e-9
    func mean(_ index: Int) -> Double { allSums.map { $0[index] }.mean }
    let products = mean(0)
    let multiplyAdds = trainer.model.multiplyAdds(samples: workload.batch, of: data.train.shape)
    guard let multiplyAdds else {
      fatalError("no count of the multiply-adds of \(workload.name)'s model")
    }
    let speed = 2 * Double(multiplyAdds) / median
    let units =
      workload.batch * world.size * (workload.unit == .tokens ? data.train.shape.tokens : 1)
    return BenchResult(
      workload: workload.name, ranks: world.size, threads: threads,
      params: trainer.model.layout.parameterCount,
      stepMs: median * 1e3,
      minMs: slowest.min()! * 1e-6, perS: Double(units) / median, loss: last.ledger.meanLoss,
      norm: last.decision.norm,
      gemmFraction: speed / products,
      seconds: PhaseTimes(Phase.allCases.indices.map { mean($0 + 1) / Double(steps) }),
      steps: steps,
      unit: workload.unit == .tokens ? "tokens" : "samples", gflops: speed * 1e-9,
      gemmGflops: products * 1e-9, peakBytes: Int(peakBytes),
      cpu: "\(cpuName()), \(KernelInstructions.name)",
      secondLevelCache: sysconf(Int32(_SC_LEVEL2_CACHE_SIZE)),
      library: computeLibraries(),
      profile: profile)
  }

  // MARK: The profile

  /// Gathers all ranks' spans, writes them as a trace and adds them up. The result is rank 0's.
  private func profile(from notes: StepProfile, path: String, on world: borrowing Communicator)
    throws -> BenchProfile?
  {
    let hosts = try world.allGatherTexts(hostName())
    let offsets = try ClockOffset.ofRanks(hosts: hosts, on: world)
    let forward = [try forwardSeconds(on: world)]
    let flat = notes.spans.flatMap { [$0.activity.code, $0.start, $0.end] }
    let forwards = try world.gather(forward.span)
    let gathered = try world.gather(flat.span)
    var profile: BenchProfile?
    try world.succeedOnAllRanks {
      guard let gathered, let forwards else { return }
      let ranks = gathered.enumerated().map { rank, words in
        RankSpans(rank: rank, host: hosts[rank], words: words, clockOffset: offsets[rank])
      }
      let summary = ProfileSummary(
        ranks, layout: trainer.model.layout, forwardSeconds: forwards.map { $0[0] }.mean)
      try recording { try DurableFile.write(summary.trace.text, to: path) }
      profile = BenchProfile(trace: path, ranks: summary.ranks, parts: summary.parts)
    }
    return profile
  }

  /// The forward pass with its loss, by itself: the median of a few passes.
  private func forwardSeconds(on world: borrowing Communicator) throws -> Double {
    let count = min(workload.batch, data.train.count)
    var batch = Batch(capacity: count, shape: data.train.shape)
    try data.train.fill(&batch, with: (0..<count).map(UInt32.init)[...])
    try world.barrier()
    return (0..<5).map { _ in
      let start = monotonicNanoseconds()
      _ = trainer.model.evaluate(batch, weights: trainer.weights)
      return Double(monotonicNanoseconds() - start) * 1e-9
    }.median
  }
}

/// The most memory that this process has had resident, in bytes.
private func residentPeak() -> Int {
  var usage = rusage()
  getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  return usage.ru_maxrss * 1024
}

extension [Double] {
  /// The middle value, of an even number the mean of the two.
  var median: Double {
    let sorted = sorted()
    return isEmpty ? .nan : (sorted[count / 2] + sorted[(count - 1) / 2]) / 2
  }

  var mean: Double { reduce(0, +) / Double(count) }
}
