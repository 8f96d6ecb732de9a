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
}
