import Configuration
import GradientReduction
import Data
import FoundationEssentials
import MPI
import Models
import Reports
import Training

/// Programs about `training.reproducible`: the same bits at every number of ranks.
let bitsPrograms: [RankProgram] = [
  bitsProgram, bitsTextProgram, bitsImagesProgram, bitsResumeProgram, bitsTracesProgram,
]

private let counts = [1, 2, 3, 4, 5, 8]

private let base = """
  [model]
  hidden = [40, 7]
  [data]
  kind = "blobs"
  samples = 700
  classes = 5
  dimensions = 33
  [training]
  global_batch = 70
  micro_batch = 9
  steps = 6
  reproducible = true
  [optimizer]
  kind = "momentum"
  learning_rate = 0.05
  """

/// Episodes of an environment: no data, and losses that depend on the weights by leaps.
private let episodes = """
  [model]
  kind = "policy"
  hidden = [12]
  [data]
  kind = "cartpole"
  episodes = 40
  test_episodes = 10
  [training]
  global_batch = 13
  micro_batch = 3
  steps = 6
  reproducible = true
  [optimizer]
  kind = "adamw"
  learning_rate = 0.02
  """

/// Every rule on its own, then odd sizes.
private let cases: [[String]] = [
  ["clip.rule=none"], ["clip.rule=global", "clip.max_norm=0.3"],
  ["clip.rule=global", "clip.max_norm=2", "clip.order=1"],
  ["clip.rule=global", "clip.max_norm=0.05", "clip.order=inf"],
  ["clip.rule=global", "clip.max_norm=0.3", "clip.order=3"],
  ["clip.rule=global", "clip.max_norm=0.1", "clip.order=9"],
  ["clip.rule=global", "clip.max_norm=0.4", "clip.scope=bound"],
  ["clip.rule=per-layer", "clip.max_norm=0.3"],
  ["clip.rule=per-layer", "clip.max_norm=0.3", "clip.budget=size"],
  ["clip.rule=value", "clip.max_value=0.01"], ["clip.rule=agc", "clip.ratio=0.02"],
  ["clip.rule=percentile", "clip.percentile=30", "clip.window=4"],
  ["clip.rule=zscore", "clip.warmup_steps=2", "clip.threshold=0.1"],
  ["clip.rule=normalize", "clip.max_norm=0.5"],
  ["clip.rule=ema", "clip.ratio=1.01", "clip.memory=0.5"],
  ["optimizer.kind=sgd", "optimizer.weight_decay=0.01"], ["optimizer.kind=adamw"],
  ["optimizer.kind=lars", "optimizer.weight_decay=0.001", "clip.rule=global", "clip.max_norm=0.3"],
  ["optimizer.kind=lamb", "clip.rule=global", "clip.max_norm=0.3"],
  ["optimizer.kind=dog", "clip.rule=global", "clip.max_norm=0.5"],
  ["schedule.kind=cosine"], ["schedule.kind=warmup", "schedule.warmup_steps=4"],
  ["schedule.kind=warmup-cosine", "schedule.warmup_steps=3"],
  ["schedule.kind=adascale", "schedule.base_batch=16"],
  ["optimizer.kind=adamw", "schedule.kind=adascale", "schedule.base_batch=16"],
  ["schedule.kind=plateau-on-norm", "schedule.patience=1"],
  ["schedule.kind=warmup-on-norm", "schedule.warmup_steps=5"],
  ["schedule.batch=noise-scale", "schedule.max_batch=300", "training.global_batch=20"],
  ["regularization.l1=0.001", "regularization.l2=0.01"],
  ["regularization.l2=0.01", "regularization.decoupled=true"],
  ["regularization.sam_radius=0.05", "clip.rule=global", "clip.max_norm=0.5"],
  ["regularization.gradient_norm=0.01", "regularization.l2=0.01", "optimizer.kind=adamw"],
  ["model.activation=tanh"], ["model.activation=sigmoid"], ["model.loss=squared-error"],
  ["model.kind=linear"], ["model.kind=logistic"],
  ["report.norms=[1, 3, \"inf\"]", "guard.spike=3"], ["data.order=sequential"],
  ["guard.spike=1.05", "training.steps=40", "training.global_batch=12"],
  ["training.global_batch=257", "training.micro_batch=10"],
  ["training.global_batch=31", "training.micro_batch=32"],
  ["training.global_batch=5", "training.micro_batch=1"],
  ["training.global_batch=7", "training.micro_batch=3", "data.samples=20"],
  ["training.global_batch=64", "training.micro_batch=4", "optimizer.kind=adamw", "clip.rule=agc"],
]

private let episodeCases: [[String]] = [
  ["clip.rule=global", "clip.max_norm=0.05"],
  ["regularization.sam_radius=0.05", "training.micro_batch=4", "model.entropy_weight=0"],
]

/// Every experiment, with its text.
private let experiments: [(text: String, overrides: [String])] =
  ruleExperiments + episodeCases.map { (episodes, $0) }

let ruleExperiments: [(text: String, overrides: [String])] = cases.map { overrides in
  // Models are taken apart from their kind: a linear one has no hidden layers to set.
  (
    overrides.contains { $0.hasPrefix("model.kind=") }
      ? base.replacing("hidden = [40, 7]\n", with: "") : base, overrides
  )
}

/// Runs every case at every rank count with each exchange and compares what came out. Argument:
/// `few` for every tenth case. Prints one digest of it all.
let bitsProgram = RankProgram("bits") { world, arguments in
  setComputeThreads(1)
  let isFew = arguments.first == "few"
  var digest: UInt64 = 0
  for (number, (text, overrides)) in experiments.enumerated() where !isFew || number % 10 == 1 {
    let reference = try compareBits(text, overrides, at: isFew ? [3, 8] : counts, of: world)
    digest = (digest &* 31) ^ (reference?.digest ?? 0)
  }
  try onRanks([3], of: world) { part in
    // The comparison would see a difference: without the mode there is one.
    let transcripts = try ["true", "false"].map {
      let experiment = try Experiment(
        text: base, source: "bits",
        overrides: ["training.reproducible=\($0)", "report.noise=micro-batches"])
      return try Transcript(
        of: Trainer(experiment, data: TrainingData(experiment.data, seed: 1, on: part), on: part),
        on: part)
    }
    try expect(
      part.rank > 0 || transcripts[0] != transcripts[1],
      "plain sums have the same bits too: the comparison says nothing")
  }
  if world.rank == 0 { print("digest", String(digest, radix: 16)) }
}

/// The exchanges that are to make the same sums: through shared memory, by messages, and with the
/// whole gradient on every rank.
private let transports = [["exchange=shared"], ["exchange=messages"], ["gradient=replicated"]].map {
  $0.map { "training." + $0 }
}

/// Runs an experiment at each rank count with each exchange and compares what came out; gives rank
/// 0 that.
private func compareBits(
  _ text: String, _ overrides: [String], at counts: [Int], of world: borrowing Communicator
) throws -> Transcript? {
  var reference: Transcript?
  try onRanks(counts, of: world) { part in
    for exchange in transports {
      let experiment = try Experiment(text: text, source: "bits", overrides: overrides + exchange)
      let trainer = try Trainer(
        experiment, data: try TrainingData(experiment.data, seed: experiment.seed, on: part),
        on: part)
      let transcript = try Transcript(of: trainer, on: part)
      // Rank 0 is in every part, and has seen them all.
      guard part.rank == 0 else { continue }
      if let difference = transcript.difference(from: reference ?? transcript) {
        throw CheckFailure(
          description:
            "\((overrides + exchange).joined(separator: " ")) on \(part.size) ranks: \(difference)")
      }
      reference = transcript
    }
  }
  return reference
}

/// The models of texts, on the text whose path is the argument.
let bitsTextProgram = RankProgram("bits-text") { world, arguments in
  setComputeThreads(1)
  let text = """
    [data]
    kind = "text"
    path = "\(arguments[0])"
    context = 12
    [training]
    global_batch = 22
    micro_batch = 3
    steps = 4
    reproducible = true
    [clip]
    rule = "global"
    max_norm = 0.3
    """
  for model in [
    ["kind=rnn", "embedding=5", "hidden=19"], ["kind=lstm", "embedding=7", "hidden=10"],
    ["kind=gpt", "layers=2", "heads=2", "width=12"],
  ] {
    for optimizer in ["momentum", "adamw"] {
      _ = try compareBits(
        text, model.map { "model." + $0 } + ["optimizer.kind=\(optimizer)"], at: [1, 2, 3, 4],
        of: world)
    }
  }
}

/// The models of images, on the IDX files in the directory that is the argument; steps run over
/// several epochs.
let bitsImagesProgram = RankProgram("bits-images") { world, arguments in
  setComputeThreads(1)
  let text = """
    [data]
    kind = "idx"
    path = "\(arguments[0])"
    [training]
    global_batch = 22
    micro_batch = 3
    steps = 6
    reproducible = true
    [clip]
    rule = "global"
    max_norm = 0.3
    """
  for model in [
    ["kind=cnn", "channels=[5, 18]", "width=9"],
    ["kind=cnn", "channels=[16]", "width=6", "initialization=orthogonal"],
    ["kind=vae", "hidden=9", "latent=3"], ["kind=kmeans", "clusters=6"],
    ["kind=kmeans", "clusters=3", "starts=4"],
  ] {
    for optimizer in ["momentum", "adamw"] {
      _ = try compareBits(
        text, model.map { "model." + $0 } + ["optimizer.kind=\(optimizer)"], at: [1, 2, 3, 4],
        of: world)
    }
  }
}

/// A run on three ranks, and the same resumed from its middle on other numbers of ranks. Argument:
/// a directory; leaves `whole` and `on-N` in it.
let bitsResumeProgram = RankProgram("bits-resume") { world, arguments in
  setComputeThreads(1)
  let folder = arguments[0]
  let overrides = [
    "training.steps=8", "checkpoint.every=4", "optimizer.kind=adamw", "clip.rule=zscore",
    "clip.warmup_steps=2", "clip.threshold=0.1",
  ]
  func options(_ directory: String, resume: Bool) -> RunOptions {
    RunOptions(
      experiment: folder + "/test.toml", overrides: overrides, output: directory, resume: resume,
      voice: .quiet)
  }
  try world.succeedOnAllRanks {
    if world.rank == 0 {
      try base.write(toFile: folder + "/test.toml", atomically: true, encoding: .utf8)
    }
  }
  try onRanks([3], of: world) { part in
    try expect(
      try Run(options(folder + "/whole", resume: false), on: part).train(on: part) == .done,
      "the run did not end")
  }
  try onRanks([1, 2, 5, 8], of: world) { part in
    let directory = "\(folder)/on-\(part.size)"
    try part.copy(
      folder + "/whole", to: directory,
      without: ["checkpoints/step-00000008", "report.json", "final.safetensors"])
    let run = try Run(options(directory, resume: true), on: part)
    try expect(run.trainer.stepsDone == 4, "resumed after step \(run.trainer.stepsDone)")
    try expect(try run.train(on: part) == .done, "the resumed run did not end")
  }
}

/// Runs with traces, one with a fault, at several rank counts. Arguments: a directory, then faults.
///
/// The directory gets `sound-N` for every rank count N, `ascent-N` of a run with SAM and LAMB, and
/// `FAULT-N` for the rank counts that have the rank.
let bitsTracesProgram = RankProgram("bits-traces") { world, arguments in
  setComputeThreads(1)
  let folder = arguments[0]
  try world.succeedOnAllRanks {
    if world.rank == 0 {
      try base.write(toFile: folder + "/test.toml", atomically: true, encoding: .utf8)
    }
  }
  func run(
    _ name: String, _ fault: InjectedFault?, _ overrides: [String], on part: borrowing Communicator
  ) throws {
    let options = RunOptions(
      experiment: folder + "/test.toml", overrides: overrides,
      output: "\(folder)/\(name)-\(part.size)", voice: .quiet, traces: true,
      fault: fault)
    try expect(try Run(options, on: part).train(on: part) == .done, "\(name) did not end")
  }
  let ascent = [
    "optimizer.kind=lamb", "regularization.sam_radius=0.05", "regularization.l2=0.01",
    "clip.rule=value", "clip.max_value=0.01",
  ]
  try onRanks([1, 2, 3, 4], of: world) { part in
    try run("sound", nil, ["training.gradient=sharded"], on: part)
    try run("ascent", nil, ascent, on: part)
    for text in arguments.dropFirst() {
      guard let fault = InjectedFault(text) else {
        throw CheckFailure(description: "\(text) is no fault")
      }
      guard fault.rank < part.size else { continue }
      try run(text, fault, [], on: part)
      try run("replicated-" + text, fault, ["training.gradient=replicated"], on: part)
    }
  }
}
