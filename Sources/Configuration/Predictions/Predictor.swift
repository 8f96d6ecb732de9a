import Data
import Files
import Models
import Vectors

/// What a model says of some rows: a number for each class or target and, of classes, which one.
public struct PredictionBlock: Sendable {
  public internal(set) var count = 0
  /// Row by row.
  public internal(set) var values: [Float] = []
  /// The class predicted for each row, by its number; −1 where a row has no prediction.
  public internal(set) var classes: [Int32] = []
}

/// Applies a trained model to rows of other data.
public final class Predictor {
  /// What each number of a row is for: a class, or a target.
  public let names: [String]
  public let form: PredictionForm
  private let trained: TrainedModel
  private let model: any PredictiveModel
  /// The outputs of a sample, as numbers that are predicted.
  private var row: [Float]

  /// Nil where the model says nothing of a row: a text's, or one without labels and targets.
  public init?(_ trained: TrainedModel) {
    guard let model = trained.model as? any PredictiveModel, trained.samples.tokens == 0,
      trained.samples.inputs > 0
    else { return nil }
    form = model.loss.predictionForm(for: trained.samples)
    names =
      form == .values
      ? trained.encoding?.targets.enumerated().map { $1.name ?? "target_\($0)" }
        ?? (0..<trained.samples.targets).map { "target_\($0)" } : trained.classNames
    guard !names.isEmpty, names.count == trained.samples.targets || form != .values else {
      return nil
    }
    row = [Float](repeating: 0, count: max(names.count, model.outputWidth))
    (self.trained, self.model) = (trained, model)
  }

  /// Rows that are predicted together: some, but of wide rows few, so that a block stays small.
  private var blockSize: Int { max(1, min(512, (1 << 20) / trained.samples.inputs)) }

  /// Predicts all rows of a file and hands them on, a block at a time, in their order.
  ///
  /// A row that the rules of training leave out (`data.missing = "drop"`) has NaN for numbers.
  /// - Throws: what `take` throws, and a `FileError` where a row cannot be read or the model's output
  ///   for it is not finite.
  public func predict(
    _ rows: any InputRows, of path: String, _ take: (borrowing PredictionBlock) throws -> Void
  ) throws {
    var shape = trained.samples
    (shape.labels, shape.targets) = (0, 0)
    var batch = Batch(capacity: blockSize, shape: shape)
    var block = PredictionBlock()
    var done = 0
    while true {
      try rows.read(into: &batch)
      guard batch.count > 0 else { return }
      let outputs = model.outputs(batch, weights: trained.weights)
      block.count = batch.count
      block.values.removeAll(keepingCapacity: true)
      block.classes.removeAll(keepingCapacity: true)
      var incomplete = rows.incomplete[...]
      for sample in 0..<batch.count {
        if incomplete.first == sample {
          incomplete.removeFirst()
          block.values.append(contentsOf: repeatElement(.nan, count: names.count))
          block.classes.append(-1)
          continue
        }
        guard let label = predict(outputs + sample * model.outputWidth) else {
          throw FileError(
            path,
            "row \(done + sample + 1): the model's output for it is not finite: its numbers are far from those trained on, or the weights have diverged",
            remedy: "correct the row, or take other weights")
        }
        block.values.append(contentsOf: row[..<names.count])
        block.classes.append(Int32(label))
      }
      done += batch.count
      try take(block)
    }
  }

  /// Puts what outputs say into ``row`` and returns the class; nil where one is not finite.
  private func predict(_ outputs: UnsafePointer<Float>) -> Int? {
    for index in 0..<model.outputWidth where !outputs[index].isFinite { return nil }
    let (width, samples) = (model.outputWidth, trained.samples)
    return row.withUnsafeMutableBufferPointer {
      model.loss.predict(outputs, width: width, of: samples, into: $0.baseAddress!)
    }
  }
}
