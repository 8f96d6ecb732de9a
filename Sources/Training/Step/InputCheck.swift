import Data
import Models
import Recording
import Reports
import Vectors

/// Refuses values that a model's loss is not defined for, and names them with their file and row.
struct InputCheck {
  private let inputs: ClosedRange<Float>?
  private let targets: ClosedRange<Float>?
  /// As the message names them.
  private let model: String
  private let data: String

  init(_ model: any Model, _ settings: TrainerSettings) {
    (inputs, targets) = (model.inputRange, model.targetRange)
    self.model = settings.modelKind.map { "model.kind \"\($0)\"" } ?? "the model"
    data = settings.dataKind.map { "data of kind \"\($0)\"" } ?? "the data"
  }

  /// Whether any value of such samples is refused.
  func isNeeded(for shape: SampleShape) -> Bool {
    inputs != nil || (targets != nil && shape.targets > 0)
  }

  func check(_ batch: borrowing Batch, of set: any Dataset) throws {
    if let inputs {
      try check(
        batch.inputs, width: batch.shape.inputs, of: batch, within: inputs, of: set, "value",
        remedy:
          "scale the inputs to that range (a csv needs data.standardize = false), or choose another model"
      ) { .input($0) }
    }
    if let targets {
      try check(
        batch.targets, width: batch.shape.targets, of: batch, within: targets, of: set, "target",
        remedy: "scale the targets to that range, or choose another loss"
      ) { .target($0) }
    }
  }

  private func check(
    _ values: UnsafeMutableBufferPointer<Float>, width: Int, of batch: borrowing Batch,
    within range: ClosedRange<Float>, of set: any Dataset, _ name: String, remedy: String,
    _ value: (Int) -> SampleValue
  ) throws {
    let values = UnsafeBufferPointer(start: values.baseAddress, count: batch.count * width)
    // A NaN is in no range.
    guard let place = values.firstIndex(where: { !range.contains($0) }) else { return }
    let (row, column) = place.quotientAndRemainder(dividingBy: width)
    let what =
      "\(values[place]) is not within \(range.lowerBound) to \(range.upperBound), which the loss of \(model) needs"
    if let error = set.refusal(of: value(column), in: batch.samples[row], what, remedy: remedy) {
      throw error
    }
    throw RunFailure(
      .data, "\(data): sample \(batch.samples[row]), \(name) \(column): \(what); \(remedy)")
  }
}
