import Data
import FoundationEssentials
import GradientNorms
import Models
import Optimizers

extension Experiment {
  /// Reads an experiment file and applies `key.path=value` overrides.
  public init(contentsOf path: String, overrides: [String]) throws(ExperimentError) {
    try self.init(text: try Self.text(of: path), source: path, overrides: overrides)
  }

  /// The file's text; an error in one line where it cannot be read.
  public static func text(of path: String) throws(ExperimentError) -> String {
    guard let bytes = FileManager.default.contents(atPath: path) else {
      throw ExperimentError("\(path): no such experiment file, or it cannot be read")
    }
    guard bytes.count <= 1 << 20 else { throw ExperimentError("\(path): \(bytes.count) bytes; an experiment file has at most 1 MiB") }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw ExperimentError("\(path): not UTF-8 text") }
    return text
  }

  /// Reads an experiment from text; `source` is the file's name, for messages and for what is relative to its folder.
  public init(text: String, source: String, overrides: [String]) throws(ExperimentError) {
    var tree = try TOMLTree(text: text, source: source)
    for override in overrides { try tree.apply(override: override) }
    let folder = source.contains("/") ? String(source[..<source.lastIndex(of: "/")!]) : "."
    var keys = ExperimentReader(tree)

    name = try keys.string("name", default: "experiment")
    if name.isEmpty || name.hasPrefix(".") || name.contains("/") {
      throw keys.error("name", "\"\(name)\" names the run's directory: not empty, no slash, no leading dot")
    }
    seed = try keys.integer("seed", default: 1, in: 0...Int.max)

    try keys.enter("model")
    model = try ModelChoice(&keys, folder: folder)
    try keys.enter("data")
    data = try DataChoice(&keys, folder: folder)
    try keys.enter("training")
    training = try TrainingChoice(&keys)
    try keys.enter("optimizer")
    (optimizer, learningRate) = try Self.optimizer(&keys)
    try keys.enter("schedule")
    schedule = try Self.schedule(&keys)
    try keys.enter("clip")
    clip = try Self.clip(&keys)
    try keys.enter("report")
    report = ReportChoice(every: try keys.integer("every", default: 10, in: 1...Int.max))
    try keys.enter("checkpoint")
    checkpoint = CheckpointChoice(
      every: try keys.integer(optional: "every", in: 1...Int.max), keep: try keys.integer("keep", default: 3, in: 1...Int.max))
    resolved = try keys.finish()
  }

  private static func optimizer(_ keys: inout ExperimentReader) throws(ExperimentError) -> (OptimizerRule, Double) {
    enum Kind: String, CaseIterable { case sgd, momentum, adamw }
    let kind = try keys.choice("kind", default: Kind.sgd)
    let rate = try keys.number("learning_rate", default: kind == .adamw ? 0.001 : 0.05, wanted: "a number above 0") { $0 > 0 }
    func decay(_ fallback: Double) throws(ExperimentError) -> Double {
      try keys.number("weight_decay", default: fallback, wanted: "a number of at least 0") { $0 >= 0 }
    }
    func fraction(_ key: String, _ fallback: Double) throws(ExperimentError) -> Double {
      try keys.number(key, default: fallback, wanted: "a number of at least 0 and below 1") { (0..<1).contains($0) }
    }
    switch kind {
    case .sgd: return (.sgd(weightDecay: try decay(0)), rate)
    case .momentum: return (.momentum(coefficient: try fraction("momentum", 0.9), weightDecay: try decay(0)), rate)
    case .adamw:
      let rule = OptimizerRule.adamw(
        beta1: try fraction("beta1", 0.9), beta2: try fraction("beta2", 0.999),
        epsilon: try keys.number("epsilon", default: 1e-8, wanted: "a number above 0") { $0 > 0 }, weightDecay: try decay(0.01))
      return (rule, rate)
    }
  }

  private static func schedule(_ keys: inout ExperimentReader) throws(ExperimentError) -> Schedule {
    enum Kind: String, CaseIterable {
      case constant, cosine, warmup
      case warmupCosine = "warmup-cosine"
    }
    func final() throws(ExperimentError) -> Double {
      try keys.number("final_rate", default: 0, wanted: "a number of at least 0, the rate at the last step") { $0 >= 0 }
    }
    func warmup() throws(ExperimentError) -> Int { try keys.integer("warmup_steps", default: 100, in: 1...Int.max) }
    switch try keys.choice("kind", default: Kind.constant) {
    case .constant: return .constant
    case .cosine: return .cosine(final: try final())
    case .warmup: return .warmup(steps: try warmup())
    case .warmupCosine: return .warmupCosine(warmupSteps: try warmup(), final: try final())
    }
  }

  private static func clip(_ keys: inout ExperimentReader) throws(ExperimentError) -> ClipRule {
    enum Rule: String, CaseIterable { case none, global }
    switch try keys.choice("rule", default: Rule.none) {
    case .none: return .none
    case .global: return .global(maxNorm: try keys.number("max_norm", default: 1, wanted: "a finite number above 0") { $0 > 0 })
    }
  }
}

extension Experiment.ModelChoice {
  init(_ keys: inout ExperimentReader, folder: String) throws(ExperimentError) {
    kind = try keys.choice("kind", default: .mlp)
    hidden = kind == .mlp ? try keys.integers("hidden", default: [128], in: 1...(1 << 20)) : []
    activation = kind == .mlp ? try keys.choice("activation", default: .relu) : .relu
    switch kind {
    case .mlp: loss = try keys.choice("loss", default: .crossEntropy)
    case .linear: loss = .squaredError
    case .logistic: loss = .crossEntropy
    }
    start = try keys.path("init", relativeTo: folder)
  }
}

extension Experiment.DataChoice {
  init(_ keys: inout ExperimentReader, folder: String) throws(ExperimentError) {
    kind = try keys.choice("kind", default: .fashionMNIST)
    blobs = (samples: 4096, classes: 10, dimensions: 32, spread: 1)
    if kind == .blobs {
      blobs = (
        samples: try keys.integer("samples", default: 4096, in: 1...Int(Int32.max)),
        classes: try keys.integer("classes", default: 10, in: 2...(1 << 16)),
        dimensions: try keys.integer("dimensions", default: 32, in: 1...(1 << 20)),
        spread: try keys.number("spread", default: 1, wanted: "a number above 0") { $0 > 0 }
      )
    } else {
      path = try keys.path("path", relativeTo: folder)
      if kind == .idx && path == nil {
        throw keys.error("path", "data of kind idx needs the directory of its four files")
      }
    }
    order = try keys.choice("order", default: .shuffled)
  }
}

extension Experiment.TrainingChoice {
  init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    globalBatch = try keys.integer("global_batch", default: 256, in: 1...(1 << 30))
    microBatch = try keys.integer("micro_batch", default: 32, in: 1...(1 << 24))
    func count(_ key: String, insteadOf other: String) throws(ExperimentError) -> Int? {
      // A length on the command line takes the place of the file's, whichever of the two words each has.
      if keys.isOverridden(other) && !keys.isOverridden(key) {
        keys.passOver(key)
        return nil
      }
      return try keys.integer(optional: key, in: 1...Int(Int32.max))
    }
    let epochs = try count("epochs", insteadOf: "steps")
    let steps = try count("steps", insteadOf: "epochs")
    switch (epochs, steps) {
    case (_?, _?): throw keys.error("steps", "give steps or epochs, not both")
    case (nil, let steps?): length = .steps(steps)
    case (let epochs?, nil): length = .epochs(epochs)
    case (nil, nil): length = .epochs(try keys.integer("epochs", default: 1, in: 1...Int(Int32.max)))
    }
    gradient = try keys.choice("gradient", default: .sharded)
  }
}
