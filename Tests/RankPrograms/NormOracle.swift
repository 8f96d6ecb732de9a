import Configuration
import Data
import Glibc
import MPI
import Models
import Training
import Vectors

/// Tensors of one process, in Double.
typealias Tensors = [[Double]]

/// A small network in one process, one value at a time in Double: the truth for the ranks' numbers.
struct Oracle {
  static let samples = 600
  static let text = """
    seed = 7
    [model]
    hidden = [6, 5]
    activation = "tanh"
    [data]
    kind = "blobs"
    samples = \(samples)
    classes = 4
    dimensions = 9
    order = "sequential"
    [optimizer]
    learning_rate = 0.5
    """

  /// How the ranks exchange gradients; in two of them the sums are the same at any rank count.
  static let modes = [
    ["training.exchange=shared"], ["training.gradient=replicated"],
    ["training.gradient=sharded", "training.reproducible=true"],
    ["training.gradient=replicated", "training.reproducible=true"], ["training.exchange=messages"],
  ]
  /// Rank counts with batches that they cannot divide.
  static let worlds = [(1, 257), (2, 7), (3, 64), (4, 13), (5, 7), (8, 257)]
  /// Samples a micro-batch.
  static let micro = 6

  let names: [String]
  let shapes: [[Int]]
  private let widths: [Int]
  private let inputs: [[Double]]
  private let labels: [Int]
  let batch: Int
  let ranks: Int
  private let isReproducible: Bool

  /// The gradient of one part of a step: a rank, or a micro-batch where each is measured by itself.
  struct Part {
    let samples: Range<Int>
    let gradient: Tensors
    var count: Double { Double(samples.count) }
  }

  static func experiment(_ batch: Int, _ mode: [String], _ overrides: [String]) throws -> Experiment
  {
    try Experiment(
      text: text, source: "test.toml",
      overrides: [
        "training.global_batch=\(batch)", "training.micro_batch=\(micro)", "training.steps=100",
      ] + mode + overrides)
  }

  init(_ trainer: Trainer, _ data: TrainingData, ranks: Int) {
    let segments = trainer.model.layout.segments
    names = segments.map(\.name)
    shapes = segments.map(\.shape)
    widths =
      [data.train.shape.inputs]
      + stride(from: 1, to: segments.count, by: 2).map { segments[$0].shape[0] }
    var all = Batch(capacity: Self.samples, shape: data.train.shape)
    try! data.train.fill(&all, with: (0..<UInt32(Self.samples)).map { $0 }[...])
    inputs = (0..<Self.samples).map { row in
      (0..<all.shape.inputs).map { Double(all.inputs[row * all.shape.inputs + $0]) }
    }
    labels = (0..<Self.samples).map { Int(all.labels[$0]) }
    batch = trainer.settings.training.globalBatch
    self.ranks = ranks
    isReproducible = trainer.settings.training.reproducible
  }

  /// A case for each rank count with its batch, and each mode: a trainer with these keys, and the
  /// oracle of its data.
  static func cases(
    _ name: String, _ overrides: [String], worlds: [(Int, Int)] = worlds,
    modes: [[String]] = modes,
    _ body:
      @escaping (_ trainer: Trainer, _ oracle: Oracle, _ part: borrowing Communicator) throws ->
      Void
  ) -> [Case] {
    worlds.flatMap { ranks, batch in
      modes.map { mode in
        let keys = ([name] + mode).filter { !$0.isEmpty }.joined(separator: " ")
        return Case("\(keys) on \(ranks) ranks, batch \(batch)", ranks: ranks) { part in
          let experiment = try experiment(batch, mode, overrides)
          let data = try TrainingData(experiment.data, seed: 1, on: part)
          let trainer = try Trainer(experiment, data: data, on: part)
          try body(trainer, Oracle(trainer, data, ranks: ranks), part)
        }
      }
    }
  }

  func weights(_ trainer: Trainer) -> Tensors {
    names.map { trainer.weights[$0]!.map(Double.init) }
  }

  /// The samples of a step, counted from 0.
  func samples(ofStep step: Int) -> Range<Int> {
    let start = step % ((Self.samples + batch - 1) / batch) * batch
    return start..<min(start + batch, Self.samples)
  }

  /// Which of those each part has: the first ranks have one sample more, or parts are
  /// micro-batches.
  func parts(ofStep step: Int) -> [Range<Int>] {
    let all = samples(ofStep: step)
    if isReproducible {
      return stride(from: all.lowerBound, to: all.upperBound, by: Self.micro).map {
        $0..<min($0 + Self.micro, all.upperBound)
      }
    }
    var start = all.lowerBound
    return (0..<ranks).map { rank in
      let count = all.count / ranks + (rank < all.count % ranks ? 1 : 0)
      defer { start += count }
      return start..<start + count
    }.filter { !$0.isEmpty }
  }

  func parts(ofStep step: Int, at weights: Tensors) -> [Part] {
    parts(ofStep: step).map { Part(samples: $0, gradient: gradient(of: $0, at: weights)) }
  }

  /// The mean gradient of some samples.
  func gradient(of samples: Range<Int>, at weights: Tensors) -> Tensors {
    var sum = weights.map { [Double](repeating: 0, count: $0.count) }
    for sample in samples {
      _ = backpropagate(weights, widths, inputs[sample], label: labels[sample], into: &sum)
    }
    return sum.map { $0.map { $0 / Double(samples.count) } }
  }
}

extension Communicator {
  /// Checks that every rank has the same weights, and the same memory of decisions.
  borrowing func expectEqualReplicas(_ trainer: Trainer, _ what: String = "") throws {
    try expectEqual(
      trainer.weights.digest() + (try trainer.decisionMemory()), "weights or memory\(what)")
  }
}

/// Σ wᵢ gᵢ
func mean(_ parts: [Oracle.Part], _ factor: (Oracle.Part) -> Double = { _ in 1 }) -> Tensors {
  let total = parts.reduce(0) { $0 + $1.count }
  return parts.reduce(zeros(parts[0].gradient)) {
    add($0, $1.gradient, times: factor($1) * $1.count / total)
  }
}

func zeros(_ tensors: Tensors) -> Tensors { tensors.map { $0.map { _ in 0 } } }
func add(_ a: Tensors, _ b: Tensors, times factor: Double) -> Tensors {
  zip(a, b).map { zip($0, $1).map { $0 + factor * $1 } }
}
func scaled(_ a: Tensors, _ factor: Double) -> Tensors { a.map { $0.map { $0 * factor } } }
func product(_ a: Tensors, _ b: Tensors) -> Double {
  zip(a, b).reduce(0) { zip($1.0, $1.1).reduce($0) { $0 + $1.0 * $1.1 } }
}
func norm(_ a: Tensors) -> Double { product(a, a).squareRoot() }
func norm(_ a: [Double]) -> Double { norm([a]) }

/// PyTorch's clip coefficient, written out.
func torchCoefficient(_ norm: Double, _ limit: Double) -> Double {
  let ratio = limit / (norm + 1e-6)
  return ratio < 1 ? ratio : 1
}

/// Checks a step's new weights, to the rounding of Float32: 2⁻²³ of a weight, and of the change
/// what sums in Float32 lose.
func expectStep(
  _ new: Tensors, _ truth: Tensors, from old: Tensors, _ what: @autoclosure () -> String,
  line: Int = #line
) throws {
  let largest = zip(truth, old).reduce(0.0) {
    zip($1.0, $1.1).reduce($0) { max($0, abs($1.0 - $1.1)) }
  }
  try expect(largest > 1e-7, "\(what()): nothing was to change", line: line)
  for tensor in truth.indices {
    for index in truth[tensor].indices {
      let error = abs(new[tensor][index] - truth[tensor][index])
      let allowed = 0x1p-23 * abs(truth[tensor][index]) + 4e-6 * largest
      try expect(
        error <= allowed,
        "\(what()): weight \(index) of tensor \(tensor) is \(new[tensor][index]), not \(truth[tensor][index]); it was \(old[tensor][index])",
        line: line)
    }
  }
}

func expectClose(
  _ value: Double?, _ truth: Double, _ tolerance: Double, _ what: @autoclosure () -> String,
  line: Int = #line
) throws {
  try expect(
    isClose(value ?? .nan, truth, tolerance), "\(what()) is \(value ?? .nan), not \(truth)",
    line: line)
}
