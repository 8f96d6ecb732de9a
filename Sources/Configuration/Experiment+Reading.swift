import Data
import ExperimentKeys
import Files
import GradientNorms
import Models
import Optimizers

extension Experiment {
  /// Reads an experiment file and applies `key.path=value` overrides.
  public init(contentsOf path: String, overrides: [String], registry: Registry = Registry())
    throws(ExperimentError)
  {
    try self.init(
      text: try Self.text(of: path), source: path, overrides: overrides, registry: registry)
  }

  /// The file's text; an error in one line where it cannot be read.
  public static func text(of path: String) throws(ExperimentError) -> String {
    let file: InputFile
    do { file = try InputFile(path) } catch {
      throw ExperimentError(
        error.what.hasPrefix("cannot be opened")
          ? "\(path): no such experiment file, or it cannot be read" : error.description)
    }
    // Asked before the bytes are: a file may be larger than the memory.
    guard file.byteCount <= TOMLTree.largest else {
      throw ExperimentError(
        "\(path): \(file.byteCount) bytes; an experiment file has at most 1 MiB")
    }
    var bytes = [UInt8](repeating: 0, count: file.byteCount)
    do { try file.fill(&bytes, at: 0) } catch { throw ExperimentError(error.description) }
    do {
      return String(copying: try UTF8Span(validating: bytes.span))
    } catch {
      throw ExperimentError(
        "\(path): byte \(error.byteOffsets.lowerBound): not UTF-8; save the experiment file as UTF-8 text"
      )
    }
  }

  /// Reads an experiment from text; `source` is the file's name, for messages and for what is
  /// relative to its folder.
  public init(
    text: String, source: String, overrides: [String], registry: Registry = Registry()
  ) throws(ExperimentError) {
    var keys = try ExperimentReader(
      text: text, source: source, overrides: overrides, registry: registry)
    self = try Experiment(&keys)
    (resolved, ignoredKeys, self.keys) = try keys.finish()
  }

  /// Asks for every key. What is known only when all have been read is still empty:
  /// ``resolved``, ``ignoredKeys`` and ``keys``.
  init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    (resolved, ignoredKeys, self.keys) = ("", [], [])
    _ = try keys.value(
      "format", default: Self.format, as: Self.formatForm,
      "the form of the file: later ones may have other defaults, and a file keeps those of the form that it names; without the key it is 1"
    )
    name = try keys.string("name", default: "experiment", "the run directory's name")
    if name.isEmpty || name.hasPrefix(".") || name.contains("/") {
      throw keys.error(
        "name", "\"\(name)\" names the run's directory: not empty, no slash, no leading dot")
    }
    seed = try keys.integer(
      "seed", default: 1, in: 0...Int.max, "feeds initial weights and sample order")

    try keys.enter("model")
    model = try ModelChoice(&keys)
    try keys.enter("data")
    data = try DataChoice(&keys)
    try keys.enter("training")
    training = try TrainingChoice(&keys)
    try keys.enter("optimizer")
    (optimizer, learningRate) = try Self.optimizer(&keys)
    decay = try keys.choice(
      "decay", default: type(of: model.recipe).usualDecay,
      "what weight decay acts on: all tensors, or matrices, those of two or more dimensions, so that biases and gains keep their size; by default matrices for models of kind network, all for others"
    )
    groups = try keys.parameterGroups(of: optimizer)
    try keys.enter("schedule")
    (schedule, rateRule) = try Self.schedule(
      &keys, optimizer, rate: learningRate, globalBatch: training.globalBatch)
    batchGrowth = try BatchGrowth.read(
      &keys, globalBatch: training.globalBatch, ratePower: optimizer.ratePower,
      followsBatch: rateRule is AdaScaleRate)
    try keys.enter("clip")
    (clip, clipScope, clipTarget) = try Self.clip(&keys)
    if let conflict = SettingConflict(clip, of: clipTarget, clipScope, optimizer) {
      throw keys.error(conflict.key, conflict.text)
    }
    try keys.enter("regularization")
    regularization = try Regularization(&keys)
    try keys.enter("guard")
    guardConfig = try GuardConfig(&keys)
    try keys.enter("stop")
    stop = try keys.kind("rule", of: StopRules.self, "what ends training before its length") {
      (kind, keys) throws(ExperimentError) in try kind.init(&keys)
    }
    try keys.enter("evaluation")
    evaluation = try EvaluationChoice(&keys)
    try keys.enter("report")
    report = try ReportChoice(&keys)
    try keys.enter("checkpoint")
    checkpoint = CheckpointChoice(
      every: try keys.integer(
        optional: "every", in: 1...Int.max, "steps between checkpoints; none unless given"),
      keep: try keys.integer("keep", default: 3, in: 1...Int.max, "how many of the newest stay"))
    if let conflict = SettingConflict(training, clipScope, regularization, report, groups) {
      throw keys.error(conflict.key, in: conflict.section, conflict.text)
    }
  }

  /// The form of files that this version writes.
  static let format = 2

  /// Both forms have the same defaults, so a file of either is resolved to one of the newest.
  private static var formatForm: KeyForm<Int> {
    KeyForm(.integer, wanted: "1 or 2") {
      if case .integer(let number) = $0, (1...format).contains(number) { number } else { nil }
    } write: { _ in
      "\(format)"
    }
  }

  private static func optimizer(_ keys: inout ExperimentReader) throws(ExperimentError) -> (
    any OptimizerRule, Double
  ) {
    try keys.kind("kind", of: OptimizerRules.self, "how a gradient changes the weights") {
      (kind, keys) throws(ExperimentError) in
      let rate = try keys.number(
        "learning_rate", default: kind.usualRate, wanted: "a number above 0",
        "the rate before the schedule's factor"
      ) { $0 > 0 }
      return (try kind.init(&keys), rate)
    }
  }

  private static func schedule(
    _ keys: inout ExperimentReader, _ optimizer: any OptimizerRule, rate: Double, globalBatch: Int
  ) throws(ExperimentError) -> (any Schedule, any RateRule) {
    let run = RateContext(globalBatch: globalBatch, isAdaptive: optimizer.isAdaptive)
    // One key names either a schedule, which the step alone decides, or a rule that follows norms.
    let schedules = keys.registry.all(Schedules.self)
    let rules = keys.registry.all(RateRules.self)
    let choices = schedules.map(Schedules.choice) + rules.map(RateRules.choice)
    return try keys.kind(
      "kind", among: choices, choice: { $0 },
      "how the learning rate depends on the step, or on the norms"
    ) { (choice, keys) throws(ExperimentError) in
      if let rule = rules.first(where: { $0.kind == choice.name }) {
        return (.constant, try rule.init(&keys, for: run))
      }
      return (try schedules.first { $0.kind == choice.name }!.init(&keys, rate: rate), .none)
    }
  }
}

extension Experiment.ModelChoice {
  init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    recipe = try keys.kind("kind", of: ModelKinds.self, "what is trained") {
      (kind, keys) throws(ExperimentError) in try kind.init(&keys)
    }
    section = keys.resolvedSection
    start = try keys.path(
      "init",
      "a safetensors file to start from: F32, or F64, F16, BF16, converted; all of its numbers must be finite"
    )
  }

  /// Reads back what a weights file kept.
  init(section: String, source: String, registry: Registry) throws(ExperimentError) {
    var keys = try ExperimentReader(
      text: section, source: source, overrides: [], registry: registry)
    try keys.enter("model")
    try self.init(&keys)
    _ = try keys.finish()
  }
}

extension Experiment.DataChoice {
  init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    recipe = try keys.kind("kind", of: DataKinds.self, "what the model is trained on") {
      (kind, keys) throws(ExperimentError) in try kind.init(&keys)
    }
    order = try keys.choice(
      "order", default: .shuffled,
      "of the samples: shuffled, a function of seed and epoch alone, or sequential")
    section = keys.resolvedSection
    orderSeed = try keys.integer(
      optional: "order_seed", in: 0...Int.max,
      "feeds the order of samples in place of `seed`, which still feeds all else; it may change on `--resume`, so that a run goes on with other samples"
    )
    augmentation = try keys.table("augment") { (keys) throws(ExperimentError) in
      try ImageAugmentation(&keys)
    }
  }
}

extension Experiment.TrainingChoice {
  init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    globalBatch = try keys.integer(
      "global_batch", default: 256, in: 1...(1 << 30),
      "samples a step over all ranks; any rank count will do, divisible or not")
    microBatch = try keys.integer(
      "micro_batch", default: 32, in: 1...(1 << 24), "samples a gradient evaluation")
    let lengths = 1...Int(Int32.max)
    let help = "the run's length"
    func count(_ key: String, insteadOf other: String, _ help: String) throws(ExperimentError)
      -> Int?
    {
      // A length on the command line takes the place of the file's, whichever of the two words each
      // has.
      if keys.isOverridden(other) && !keys.isOverridden(key) {
        keys.ignore(key)
        return nil
      }
      return try keys.integer(optional: key, in: lengths, help)
    }
    let epochs = try count("epochs", insteadOf: "steps", help)
    let steps = try count(
      "steps", insteadOf: "epochs", "the same in steps; give one of the two")
    switch (epochs, steps) {
    case (_?, _?): throw keys.error("steps", "give steps or epochs, not both")
    case (nil, let steps?): length = .steps(steps)
    case (let epochs?, nil): length = .epochs(epochs)
    case (nil, nil): length = .epochs(try keys.integer("epochs", default: 1, in: lengths, help))
    }
    let proportions = try keys.integers(
      "shares", default: [], in: 0...(1 << 20),
      "each rank's part of a step's samples, in proportion, such as `[3, 1]`; equal parts if empty")
    guard proportions.isEmpty || proportions.contains(where: { $0 > 0 }) else {
      throw keys.error("shares", "one rank has to get samples")
    }
    shares = proportions.isEmpty ? nil : proportions
    gradient = try keys.choice(
      "gradient", default: .auto,
      "sharded: each rank sums and updates its own 1/N of the weights, with 1/N of the optimiser's state; replicated: every rank sums and updates all. Auto: sharded, but replicated where ranks of several nodes have only messages: more of those can be hidden under the backward pass"
    )
    exchange = try keys.choice(
      "exchange", default: .auto,
      "how a sharded gradient is summed. Shared: the ranks of a node read each other's gradients in shared memory and have one copy of the weights between them; between nodes, which need equally many ranks, messages. Messages: reduce-scatter and all-gather. With `training.reproducible` ranks of one node share memory too, those of several send messages. Auto: shared where it can be; a note says why where it cannot"
    )
    overlap = try keys.choice(
      "overlap", default: .auto,
      "whether messages carry a gradient's tensors while the backward pass computes the rest: always; never, by MPI's own reductions after it; or where that was measured faster: a sharded gradient's always, a replicated one's between nodes. A sharded gradient's weights then arrive while the next forward pass computes. When they travel never shows in a result. Clips of scope worker, sample and bound, sharpness-aware steps and noise by micro-batches need the whole gradient first"
    )
    reproducibility = try keys.value(
      "reproducible", default: .no, as: .reproducibility,
      "the same bits at any number of ranks and threads: on CPUs that are alike, or with `\"any-cpu\"` on any that has AVX2, of which every library then uses no more"
    )
    if exchange == .shared && gradient == .replicated {
      throw keys.error(
        "exchange",
        "\"shared\" divides gradient and weights between the ranks: with gradient = \"replicated\" use \"messages\""
      )
    }
    threads = try keys.threads(
      "threads", default: .fixed(1),
      "threads that each rank computes with. Auto: as many as the rank has cores for. Those of a machine are divided among its ranks. `lockstep run -n auto` starts a rank for each core then, or as many as can get samples in a step"
    )
  }
}
