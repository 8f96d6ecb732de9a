import Configuration
import GradientReduction
import Data
import ExperimentKeys
import Files
import MPI
import Models
import Reports
import Vectors

extension Trainer {
  /// Reads up to 65,536 samples of the training set and of the test set, divided over the ranks,
  /// where the model's loss is not defined for every value: so that data that do not suit are
  /// refused before the first step. Collective.
  public func checkInputs(on world: borrowing Communicator) throws {
    guard model.inputRange != nil else { return }
    try world.succeedOnAllRanks {
      for set in [data.train, data.test] {
        let (count, size) = (min(set.count, 1 << 16), 256)
        var batch = Batch(capacity: min(count, size), shape: set.shape)
        for start in stride(from: world.rank * size, to: count, by: world.size * size) {
          try set.fill(&batch, with: (start..<min(start + size, count)).map(UInt32.init)[...])
          try refuseBadInputs(batch, of: set)
        }
      }
    }
  }

  /// Refuses a batch with a value that the model's loss is not defined for, which it names with its
  /// file and row.
  func refuseBadInputs(_ batch: borrowing Batch, of set: any Dataset) throws {
    guard let range = model.inputRange else { return }
    let values = UnsafeBufferPointer(
      start: batch.inputs.baseAddress, count: batch.count * batch.shape.inputs)
    // A NaN is in no range.
    guard let place = values.firstIndex(where: { !range.contains($0) }) else { return }
    let (row, input) = place.quotientAndRemainder(dividingBy: batch.shape.inputs)
    let kind = type(of: experiment.model.recipe).kind
    let what =
      "\(values[place]) is not within \(range.lowerBound) to \(range.upperBound), which the loss of model.kind \"\(kind)\" needs"
    let remedy =
      "scale the inputs to that range (a csv needs data.standardize = false), or choose another model"
    if let error = set.refusal(of: input, in: batch.samples[row], what, remedy: remedy) {
      throw error
    }
    throw RunFailure(
      .data,
      "data of kind \"\(type(of: experiment.data.recipe).kind)\": sample \(batch.samples[row]), value \(input): \(what); \(remedy)"
    )
  }
}
