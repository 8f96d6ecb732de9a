import Configuration
import Data
import ExperimentKeys
import Files
import FlightRecorder
import FoundationEssentials
import GradientReduction
import MPI
import Models
import Recording
import Reports
import Vectors

/// Trained weights and the samples that they were trained on, each with the norm of its gradient:
/// `lockstep samples`.
///
/// Those with the largest norms are the ones that the model has not learned: mislabelled ones come
/// first. Collective: every rank makes the same calls.
public struct TrainedSamples {
  /// What the user is to know of how the data were read.
  public let notes: [String]
  private let trained: TrainedModel
  private let experiment: Experiment
  private let data: any Dataset

  /// Reads the weights at rank 0, for all, and opens the training data.
  ///
  /// - Parameters:
  ///   - path: a run directory, a checkpoint directory or a weights file.
  ///   - choice: which of a run directory's weights.
  ///   - overrides: keys of the experiment: of its data, `seed` and `training.micro_batch`.
  ///   - registry: kinds of the program's own that the model and the data may be of.
  ///   - world: the ranks that measure.
  /// - Throws: an `ExperimentError` where the model cannot measure single samples, an override is
  ///   none of those, or the data do not suit the model; a `FileError` where a file cannot be used.
  public init(
    path: String, weights choice: WeightsChoice = .newest, overrides: [String] = [],
    registry: Registry = Registry(), on world: borrowing Communicator
  ) throws {
    let source = try DistributedModel(
      path: path, weights: choice, overrides: overrides, registry: registry, on: world)
    let (model, file) = (source.trained.model, source.trained.path)
    try world.succeedOnAllRanks { () throws -> Void in
      guard let obstacle = model.obstacleToSamples else { return }
      throw ExperimentError("\(file): \(obstacle)")
    }
    let opened = try FlightRecorder.during(.data) {
      try TrainingData(source.experiment.data, seed: source.experiment.seed, on: world)
    }
    let (given, wanted) = (opened.train.shape, source.trained.samples)
    try world.succeedOnAllRanks { try TrainedEvaluation.check(given, suits: wanted) }
    (trained, experiment) = (source.trained, source.experiment)
    (data, notes) = (opened.train, opened.notes)
  }

  /// What a sample's row of the table has: its norm, its loss, and its label's number.
  private static let columns = 3

  /// Measures all samples, writes the table and, of images, the picture, and lists `count` of them;
  /// nil but at rank 0. Collective: two gathers, of 24 bytes a sample in all.
  ///
  /// Norms are those of the training loss, dropout included; losses are evaluated.
  public func result(
    listing count: Int, table: String, on world: borrowing Communicator
  ) throws -> SamplesResult? {
    FlightRecorder.enter(.evaluation)
    let mine = try measure(on: world)
    let gathered = try world.gather(mine.span)
    return try world.succeedOnAllRanks {
      guard let values = gathered?.flatMap({ $0 }) else { return nil }
      return try report(values, listing: count, table: table, ranks: world.size)
    }
  }

  /// This rank's samples, whole micro-batches: the same samples at any number of ranks.
  private func measure(on world: borrowing Communicator) throws -> [Double] {
    let model = trained.model
    let block = max(1, min(experiment.training.microBatch, data.count))
    let share = Partition.byMicroBatch(size: block).share(
      of: data.count, rank: world.rank, ranks: world.size)
    let inputs = InputCheck(model, TrainerSettings(experiment))
    let squares = SampleSquares(by: model.compute, mayMakeGradients: true)
    var batch = Batch(capacity: block, shape: data.shape)
    var one = Batch(capacity: 1, shape: data.shape)
    var gradient = FlatVector(zeros: model.layout)
    var values: [Double] = []
    values.reserveCapacity(Self.columns * share.count)
    for piece in Partition.microBatches(in: share, size: block) {
      FlightRecorder.advance()
      try data.fill(&batch, with: piece.map(UInt32.init)[...])
      try inputs.check(batch, of: data)
      model.compute.sampleSquares = squares
      _ = model.lossAndGradient(
        batch, weights: trained.weights, into: &gradient, scale: 1, accumulate: false
      ) { _, _ in }
      model.compute.sampleSquares = nil
      for (row, sample) in piece.enumerated() {
        try data.fill(&one, with: [UInt32(sample)])
        values += [
          squares.sums[row].squareRoot(), model.evaluate(one, weights: trained.weights).lossSum,
          one.labels.count == 1 ? Double(one.labels[0]) : -1,
        ]
      }
    }
    return values
  }

  private func report(_ values: [Double], listing count: Int, table: String, ranks: Int) throws
    -> SamplesResult
  {
    let samples = values.count / Self.columns
    func norm(_ sample: Int) -> Double { values[Self.columns * sample] }
    // What is not finite comes first, and equal ones in their order.
    let order = (0..<samples).sorted { left, right in
      let (a, b) = (norm(left), norm(right))
      return a.isFinite == b.isFinite ? (a == b || !a.isFinite ? left < right : a > b) : !a.isFinite
    }
    let finite = order.filter { norm($0).isFinite }
    let label = Labels(trained, data)
    try write(values, label, to: table)
    let picture = try draw(order.prefix(64), beside: table)
    return SamplesResult(
      weights: trained.path, samples: samples, ranks: ranks,
      median: finite.isEmpty ? nil : norm(finite[finite.count / 2]),
      rms: finite.isEmpty
        ? nil
        : (finite.reduce(0) { $0 + norm($1) * norm($1) } / Double(finite.count)).squareRoot(),
      table: table, picture: picture,
      largest: try order.prefix(count).map { sample in
        SamplesResult.Sample(
          sample: sample, norm: norm(sample), loss: values[Self.columns * sample + 1],
          label: try label.text(of: sample, number: Int(values[Self.columns * sample + 2])))
      })
  }

  /// `sample,norm,loss` and, where samples have one label, its name, a line a sample.
  private func write(_ values: [Double], _ label: Labels, to path: String) throws {
    var text = "sample,norm,loss\(label.isClass ? ",label" : "")\n"
    for sample in 0..<values.count / Self.columns {
      let row = Self.columns * sample
      text += "\(sample),\(values[row]),\(values[row + 1])"
      if label.isClass { text += "," + PlainText.csvCell(label.name(Int(values[row + 2]))) }
      text += "\n"
    }
    try Self.write(Array(text.utf8), to: path)
  }

  /// A grid of images next to the table; nil where samples are none.
  private func draw(_ samples: ArraySlice<Int>, beside table: String) throws -> String? {
    guard let image = data.shape.image, !samples.isEmpty else { return nil }
    var one = Batch(capacity: 1, shape: data.shape)
    var pixels: [Float] = []
    for sample in samples {
      try data.fill(&one, with: [UInt32(sample)])
      pixels += one.inputs.map { min(max($0, 0), 1) }
    }
    let grid = Picture(
      grid: pixels, width: image.width, height: image.height,
      channels: image.channels == 3 ? 3 : 1, columns: 8)
    let path = (table.hasSuffix(".csv") ? String(table.dropLast(4)) : table) + ".png"
    try Self.write(grid.enlarged(by: max(1, 600 / grid.width)).png(), to: path)
    return path
  }

  private static func write(_ bytes: [UInt8], to path: String) throws {
    do { try FoundationEssentials.Data(bytes).write(to: URL(filePath: path)) } catch {
      throw FileError(path, "cannot be written", remedy: "give --output a file that can be")
    }
  }
}

/// What samples are called.
private struct Labels {
  /// Whether each has one label, of a class.
  let isClass: Bool
  private let names: [String]
  private let trained: TrainedModel
  private let data: any Dataset

  init(_ trained: TrainedModel, _ data: any Dataset) {
    (self.trained, self.data) = (trained, data)
    isClass = data.shape.labels == 1
    names = trained.classNames
  }

  func name(_ number: Int) -> String {
    names.indices.contains(number) ? names[number] : "\(number)"
  }

  /// The class's name, or the beginning of a text.
  func text(of sample: Int, number: Int) throws -> String? {
    if isClass { return name(number) }
    guard data.shape.tokens > 0 else { return nil }
    var one = Batch(capacity: 1, shape: data.shape)
    try data.fill(&one, with: [UInt32(sample)])
    let bytes = one.tokens.prefix(60).flatMap { trained.bytes(ofToken: $0) }
    return String(decoding: bytes.prefix(60), as: UTF8.self)
  }
}
