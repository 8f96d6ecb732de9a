import Data
import Models
import Recording
import Reports
import Vectors

/// Refuses values that a model's loss is not defined for, and names them with their file and row.
struct InputCheck {
  private let range: ClosedRange<Float>?
  /// As the message names them.
  private let model: String
  private let data: String

  init(_ model: any Model, _ settings: TrainerSettings) {
    range = model.inputRange
    self.model = settings.modelKind.map { "model.kind \"\($0)\"" } ?? "the model"
    data = settings.dataKind.map { "data of kind \"\($0)\"" } ?? "the data"
  }

  /// Whether any value is refused.
  var isNeeded: Bool { range != nil }

  func check(_ batch: borrowing Batch, of set: any Dataset) throws {
    guard let range else { return }
    let values = UnsafeBufferPointer(
      start: batch.inputs.baseAddress, count: batch.count * batch.shape.inputs)
    // A NaN is in no range.
    guard let place = values.firstIndex(where: { !range.contains($0) }) else { return }
    let (row, input) = place.quotientAndRemainder(dividingBy: batch.shape.inputs)
    let what =
      "\(values[place]) is not within \(range.lowerBound) to \(range.upperBound), which the loss of \(model) needs"
    let remedy =
      "scale the inputs to that range (a csv needs data.standardize = false), or choose another model"
    if let error = set.refusal(of: input, in: batch.samples[row], what, remedy: remedy) {
      throw error
    }
    throw RunFailure(
      .data, "\(data): sample \(batch.samples[row]), value \(input): \(what); \(remedy)")
  }
}
