import Configuration
import GradientReduction
import Data
import FoundationEssentials
import MPI
import Models
import Recording
import Reports
import Training
import Vectors

/// Programs about `training.reproducible`: the same bits at every number of ranks.
let bitsPrograms: [RankProgram] = [
  bitsProgram, bitsTextProgram, bitsImagesProgram, bitsNetworkProgram, bitsAugmentedProgram,
  bitsResumeProgram,
  bitsTracesProgram,
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

/// Episodes of an environment: no data, and losses that are discontinuous in the weights.
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
  ["optimizer.kind=muon", "clip.rule=global", "clip.max_norm=0.5", "optimizer.decay=matrices"],
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
  // A linear or logistic model has no hidden layers to set.
  (
    overrides.contains { $0.hasPrefix("model.kind=") }
      ? base.replacing("hidden = [40, 7]\n", with: "") : base, overrides
  )
}

/// Runs every case at every rank count with each exchange and compares the transcripts. Argument:
/// `few` for every tenth case. Prints one digest of it all.
let bitsProgram = RankProgram("bits") { world, arguments in
  let isFew = arguments.first == "few"
  var digest: UInt64 = 0
  var all: [Case] = []
  for (number, (text, overrides)) in experiments.enumerated() where !isFew || number % 10 == 1 {
    all.append(
      Case(
        overrides.joined(separator: " ") + (text == episodes ? " on episodes" : ""),
        ranks: world.size
      ) {
        let reference = try compareBits(text, overrides, at: isFew ? [3, 8] : counts, of: $0)
        digest = (digest &* 31) ^ (reference?.digest ?? 0)
      })
  }
  all.append(
    Case("without the mode the bits differ", ranks: 3) { part in
      let transcripts = try ["true", "false"].map {
        try Transcript(
          of: trainer(
            base, ["training.reproducible=\($0)", "report.noise=micro-batches"], on: part),
          on: part)
      }
      try expect(
        part.rank > 0 || transcripts[0] != transcripts[1],
        "plain sums have the same bits too, so the comparison shows nothing")
    })
  try run(all, on: world)
  if world.rank == 0 { print("digest", String(digest, radix: 16)) }
}

/// The exchanges that must give the same sums: through shared memory, by messages, and with the
/// whole gradient on every rank.
private let transports = [["exchange=shared"], ["exchange=messages"], ["gradient=replicated"]].map {
  $0.map { "training." + $0 }
}

/// Runs an experiment at each rank count with each exchange and compares the transcripts. Returns
/// them at rank 0.
func compareBits(
  _ text: String, _ overrides: [String], at counts: [Int], of world: borrowing Communicator
) throws -> Transcript? {
  var reference: Transcript?
  try onRanks(counts, of: world) { part in
    for exchange in transports {
      let transcript = try Transcript(
        of: trainer(text, overrides + exchange, on: part), on: part)
      // Rank 0 is in every part, and has seen them all.
      try transcript.expectEqual(
        to: reference ?? transcript, "\(exchange[0]) on \(part.size) ranks", on: part)
      reference = transcript
    }
  }
  return reference
}

/// The models of texts. Arguments: the paths of a text, of a tokenizer and of a folder.
let bitsTextProgram = RankProgram("bits-text") { world, arguments in
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
  let models = [
    ["kind=rnn", "embedding=5", "hidden=19"], ["kind=lstm", "embedding=7", "hidden=10"],
    ["kind=gpt", "layers=2", "heads=2", "width=12"],
  ]
  let encoded = Case("a text in a tokenizer's tokens", ranks: 4) { part in
    let keys = ["data.tokenizer=\(arguments[1])", "data.context=7", "model.kind=rnn"]
    _ = try compareBits(text, keys, at: [1, 2, 4], of: part)
    try samplesFromWeights(text, keys, in: arguments[2], on: part)
  }
  try run(modelCases(models, text) + [encoded], on: world)
}

/// A weights file has the tokenizer, and what is drawn from it is text. Collective.
private func samplesFromWeights(
  _ text: String, _ keys: [String], in folder: String, on world: borrowing Communicator
) throws {
  let trainer = try trainer(text, keys, on: world)
  let path = folder + "/weights.safetensors"
  try trainer.writeFinalWeights(to: path, on: world)
  guard world.rank == 0 else { return }
  let trained = try TrainedModel(path: path)
  guard let tokenizer = trained.tokenizer else {
    throw CheckFailure(description: "the weights file has no tokenizer")
  }
  try expect(trained.vocabulary == nil && tokenizer.count == trained.samples.classes, "its size")
  var encoder = TokenizerEncoder(tokenizer)
  let prompt = try encoder.encode(Array("In the".utf8))
  guard
    var sampler = TextSampler(trained, prompt: prompt, temperature: 0, top: 1, seed: 1)
  else { throw CheckFailure(description: "nothing can be drawn") }
  let drawn = (0..<20).map { _ in sampler.next() }
  try expect(drawn.allSatisfy { !$0.isEmpty }, "\(drawn)")
}

/// One case for each model and optimizer.
private func modelCases(_ models: [[String]], _ text: String) -> [Case] {
  models.flatMap { model in
    ["momentum", "adamw"].map { optimizer in
      let keys = model.map { "model." + $0 } + ["optimizer.kind=\(optimizer)"]
      return Case(keys.joined(separator: " "), ranks: 4) {
        _ = try compareBits(text, keys, at: [1, 2, 3, 4], of: $0)
      }
    }
  }
}

/// The models of images, on the IDX files in the directory that is the argument; steps run over
/// several epochs.
let bitsImagesProgram = RankProgram("bits-images") { world, arguments in
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
  let models = [
    ["kind=cnn", "channels=[5, 18]", "width=9"],
    ["kind=cnn", "channels=[16]", "width=6", "initialization=orthogonal"],
    ["kind=vae", "hidden=9", "latent=3"], ["kind=kmeans", "clusters=6"],
    ["kind=kmeans", "clusters=3", "starts=4"],
  ]
  try run(modelCases(models, text), on: world)
}

/// A run on three ranks, and the same resumed from its middle on other numbers of ranks. Argument:
/// a directory; leaves `whole` and `on-N` in it.
let bitsResumeProgram = RankProgram("bits-resume") { world, arguments in
  let folder = arguments[0]
  let overrides = [
    "training.steps=8", "checkpoint.every=4", "optimizer.kind=adamw", "clip.rule=zscore",
    "clip.warmup_steps=2", "clip.threshold=0.1",
  ]
  let file = try writeBase(in: folder, on: world)
  try onRanks([3], of: world) { part in
    try expect(
      try Run(quietOptions(file, overrides, output: folder + "/whole"), on: part).train(on: part)
        == .done,
      "the run did not end")
  }
  try onRanks([1, 2, 5, 8], of: world) { part in
    let run = try resume(
      folder + "/whole", as: "\(folder)/on-\(part.size)", without: [8], file, overrides, on: part)
    try expect(run.trainer.stepsDone == 4, "resumed after step \(run.trainer.stepsDone)")
    try expect(try run.train(on: part) == .done, "the resumed run did not end")
  }
}

/// Writes the experiment to a file at rank 0 and returns its path. Collective.
private func writeBase(in folder: String, on world: borrowing Communicator) throws -> String {
  let file = folder + "/test.toml"
  try world.succeedOnAllRanks {
    if world.rank == 0 { try base.write(toFile: file, atomically: true, encoding: .utf8) }
  }
  return file
}

/// Runs with traces, one with a fault, at several rank counts. Arguments: a directory, then faults.
///
/// The directory gets `sound-N` for every rank count N, `ascent-N` of a run with SAM and LAMB, and
/// `FAULT-N` for the rank counts that have the rank.
let bitsTracesProgram = RankProgram("bits-traces") { world, arguments in
  let folder = arguments[0]
  let file = try writeBase(in: folder, on: world)
  func run(
    _ name: String, _ fault: InjectedFault?, _ overrides: [String], on part: borrowing Communicator
  ) throws {
    let options = RunOptions(
      experiment: file, overrides: overrides,
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
