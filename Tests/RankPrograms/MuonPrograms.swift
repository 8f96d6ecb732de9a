import Configuration
import Data
import ExperimentKeys
import GradientReduction
import MPI
import Models
import Optimizers
import TensorFiles
import Training
import Vectors

/// Muon's matrices by themselves, then who owns them, then the bits of runs. Argument: an empty
/// directory.
let muonProgram = RankProgram("muon") { world, arguments in
  try run(
    matrixCases() + ownershipCases() + bitsCases(arguments[0]) + [librariesCase()], on: world)
}

/// A matrix of two dimensions, or of four as a convolution has it.
private struct MatrixCase {
  var shape: [Int]
  /// Nil for full rank.
  var rank: Int?
  var size = 1.0

  var rows: Int { shape[0] }
  var columns: Int { shape.dropFirst().reduce(1, *) }

  func values(seed: UInt64) -> [Float] {
    var random = RandomStream(seed)
    func normal(_ count: Int) -> [Double] { (0..<count).map { _ in random.gaussian() } }
    guard let rank else { return normal(rows * columns).map { Float(size * $0) } }
    let (left, right) = (normal(rows * rank), normal(rank * columns))
    return (0..<rows * columns).map { index in
      let (row, column) = (index / columns, index % columns)
      return Float(
        size * (0..<rank).reduce(0.0) { $0 + left[row * rank + $1] * right[$1 * columns + column] })
    }
  }
}

/// One matrix against the iteration in Double: with momentum 0 the first direction is that of the
/// gradient itself.
private func matrixCases() -> [Case] {
  [
    MatrixCase(shape: [48, 48]), MatrixCase(shape: [96, 40]), MatrixCase(shape: [33, 130]),
    MatrixCase(shape: [1, 70]), MatrixCase(shape: [70, 1]), MatrixCase(shape: [1, 1]),
    MatrixCase(shape: [64, 48], rank: 8), MatrixCase(shape: [48, 64], rank: 8),
    MatrixCase(shape: [12, 3, 5, 5]), MatrixCase(shape: [200, 160], size: 1e-9),
    MatrixCase(shape: [16, 32], size: 1e30), MatrixCase(shape: [16, 20], size: 0),
  ].map { matrix in
    Case("matrix \(matrix.shape) rank \(matrix.rank ?? 0) size \(matrix.size)", ranks: 1) { _ in
      let values = matrix.values(seed: 3)
      let direction = direct(matrix, [values], Muon(momentum: 0))
      let stretch = max(1, Double(matrix.rows) / Double(matrix.columns)).squareRoot()
      let truth = newtonSchulz(
        values.map(Double.init), rows: matrix.rows, columns: matrix.columns
      ).map { stretch * $0 }
      let worst = zip(direction, truth).reduce(0.0) { max($0, abs(Double($1.0) - $1.1)) }
      try expect(worst < 1e-4, "\(worst) off")
      let length = norm(truth)
      try expect(matrix.size == 0 ? length == 0 : length > 0.1, "the truth's norm is \(length)")
    }
  }
}

/// The direction after some gradients of one matrix.
private func direct(_ matrix: MatrixCase, _ gradients: [[Float]], _ rule: Muon) -> [Float] {
  var layout = TensorLayout()
  layout.add("before", shape: [5])
  layout.add("matrix", shape: matrix.shape)
  var gradient = FlatVector(zeros: layout)
  let weights = FlatVector(zeros: layout)
  var optimizer = Optimizer(rule: rule, owning: 0..<layout.elementCount)
  let workspace = MatrixWorkspace(ModelProducts())
  for values in gradients {
    gradient.set(1, to: values)
    optimizer.beginStep()
    optimizer.accumulate(&gradient, weights: weights, matrix: layout.segments[1], factor: 1)
    optimizer.direct(&gradient, matrix: layout.segments[1], in: workspace)
  }
  return gradient["matrix"]!
}

private let keys = [
  "optimizer.kind=muon", "model.hidden=[30, 20, 7]", "clip.rule=global", "clip.max_norm=0.3",
  "optimizer.learning_rate=0.02",
]

/// With every exchange each matrix of a hidden layer has one owner, or every rank is one; other
/// tensors may be divided.
private func ownershipCases() -> [Case] {
  let exchanges =
    Oracle.modes
    + [["training.exchange=messages", "training.overlap=never"], ["nodes of 2"]]
  return [1, 2, 3, 4].flatMap { ranks in
    exchanges.filter { $0 != ["nodes of 2"] || ranks == 4 }.map { mode in
      Case("owners with \(mode.joined(separator: " ")) on \(ranks)", ranks: ranks) { part in
        let nodes = mode == ["nodes of 2"]
        let trainer = try trainer(
          Oracle.text, keys + (nodes ? [] : mode), ranksPerNode: nodes ? 2 : nil, on: part)
        let owned = trainer.optimizer.owned
        let isReplicated = mode.contains("training.gradient=replicated")
        for segment in trainer.model.layout.segments {
          let mine = owned.ranges.reduce(0) { $0 + $1.clamped(to: segment.range).count }
          let all = try part.allReduce(Int64(mine), .sum)
          try expect(
            all == Int64(segment.count * (isReplicated ? ranks : 1)),
            "\(segment.name) is owned \(all) times")
          if segment.shape.count > 1 && segment.role == .hidden {
            try expect(
              mine == 0 || mine == segment.count, "\(mine) of \(segment.count) of \(segment.name)")
          }
        }
        let hidden = trainer.model.layout.segments.filter {
          $0.role == .hidden && $0.shape.count > 1
        }
        try expect(
          hidden.map(\.name) == ["layers.0.weight", "layers.1.weight", "layers.2.weight"],
          "\(hidden.map(\.name))")
        try expect(
          trainer.notes.contains { $0.contains("acts through momentum only") }, "\(trainer.notes)")
        for _ in 0..<3 { _ = try trainer.step(on: part) }
        try part.expectEqualReplicas(trainer)
      }
    }
  }
}

/// The same bits at 1 to 4 ranks, sharded and replicated; and, from a checkpoint of any, at any.
private func bitsCases(_ folder: String) -> [Case] {
  let modes = ["sharded", "replicated"]
  return [
    Case("bits", ranks: 4) { world in
      var reference: String?
      func check(_ digest: String, _ what: String) throws {
        try expect(digest == reference ?? digest, "other bits \(what)")
        reference = digest
      }
      func made(_ mode: String, on part: borrowing Communicator) throws -> Trainer {
        try trainer(
          Oracle.text,
          keys + [
            "training.reproducible=true", "training.gradient=\(mode)", "training.steps=9",
            "training.global_batch=26", "training.micro_batch=4",
          ], on: part)
      }
      for mode in modes {
        try onRanks([1, 2, 3, 4], of: world) { part in
          let whole = try made(mode, on: part)
          try whole.train(on: part) { outcome in
            guard outcome.step == 4 else { return }
            try whole.writeCheckpoint(in: "\(folder)/\(mode)-\(part.size)", on: part)
          }
          if part.rank == 0 {
            try check(whole.weights.digest(), "with a \(mode) gradient on \(part.size)")
          }
          try part.expectEqualReplicas(whole)
        }
      }
      for mode in modes {
        for written in 1...4 {
          try onRanks([1, 2, 3, 4], of: world) { part in
            let other = modes[written % 2]
            let resumed = try made(mode, on: part)
            let notes = try resumed.restoreCheckpoint(
              in: "\(folder)/\(other)-\(written)", on: part)
            try expect(notes.isEmpty && resumed.stepsDone == 4, "\(notes) \(resumed.stepsDone)")
            try resumed.train(on: part)
            guard part.rank == 0 else { return }
            try check(
              resumed.weights.digest(), "\(mode) on \(part.size), from \(other) on \(written)")
          }
        }
      }
    }
  ]
}

/// Replicas stay equal where ranks multiply by other libraries, as on unlike CPUs: a direction is
/// that of its owner.
private func librariesCase() -> Case {
  Case("unlike libraries", ranks: 3) { part in
    let settings = ComputeSettings.current
    defer { ComputeSettings.current = settings }
    let libraries: [ProductLibrary] = [.oneDNN, .openBLAS]
    // Sums long enough that the libraries divide them differently.
    let matrix = MatrixCase(shape: [40, 700])
    let directions = libraries.map { library in
      ComputeSettings.current = ComputeSettings(by: library)
      return direct(matrix, [matrix.values(seed: 3)], Muon())
    }
    try expect(directions[0] != directions[1], "the libraries do not differ")
    ComputeSettings.current = ComputeSettings(by: libraries[part.rank % 2])
    let wide = keys.filter { !$0.hasPrefix("model.hidden") } + ["model.hidden=[700, 40]"]
    for mode in exchanges {
      let trainer = try trainer(Oracle.text, wide + mode.keys, on: part)
      for _ in 0..<2 { _ = try trainer.step(on: part) }
      try part.expectEqual(trainer.weights.digest(), "with \(mode.name), the weights")
      let momentum = trainer.moment(0)
      guard mode.name == "replicated" || mode.name == "overlapped" else { continue }
      try part.expectEqual(
        SHA256.digest(of: momentum.span.bytes), "with \(mode.name), the momentum")
    }
  }
}

/// A reducer of one's own divides a matrix between ranks: the job ends, with one line.
let muonDividedProgram = RankProgram("muon-divided") { world, _ in
  let train = Blobs(classes: 4, dimensions: 60, samples: 90, spread: 1, seed: 1)
  let data = TrainingData(train: train, test: train.further(60))
  let model = try Network(for: train.shape) {
    Dense(.count(100), .tanh)
    Dense(.classes)
  }
  let reducer = try ReduceScatterReducer(model.layout, overlapping: false, on: world)
  _ = try Trainer(model: model, data: data, optimizer: .muon(), reducer: reducer, on: world)
}
