import Data
import MPI

/// What a run trains on and what it is tested on.
public struct TrainingData {
  public let train: any Dataset
  public let test: any Dataset
  /// What the user is to know of how the data were read, at rank 0; others may have fewer.
  public let notes: [String]

  public init(train: any Dataset, test: any Dataset, notes: [String] = []) {
    self.train = train
    self.test = test
    self.notes = notes
  }

  /// Opens and reads an experiment's data. Collective; a bad file ends the job with one message.
  public init(_ choice: Experiment.DataChoice, seed: Int, on world: borrowing Communicator) throws {
    self = try choice.recipe.open(seed: UInt64(seed), on: world)
  }
}
