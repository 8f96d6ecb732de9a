/// A kind of data whose test set is a part of all samples, drawn by the seed: the key `validation`.
public protocol DividedDataKind: DataKind {
  /// The part that is held out for testing; with 0 all samples are the test set too.
  var validation: Double { get }

  /// Opens the data as ``DataKind/open(seed:on:)`` does, another part being held out. Collective.
  func open(
    validation: Double, seed: UInt64, on ranks: borrowing some DataContext & ~Copyable
  ) throws -> TrainingData
}

extension DividedDataKind {
  /// Opens the data with the part that the key says held out. Collective.
  public func open(seed: UInt64, on ranks: borrowing some DataContext & ~Copyable) throws
    -> TrainingData
  {
    try open(validation: validation, seed: seed, on: ranks)
  }

  /// Opens the part held out, or with `all` every sample. Collective.
  public func openTest(
    as trained: TrainedInputs, all: Bool, seed: UInt64,
    on ranks: borrowing some DataContext & ~Copyable
  ) throws -> EvaluationData {
    // Its note is of rows that were to be trained on.
    EvaluationData(try open(validation: all ? 0 : validation, seed: seed, on: ranks).test)
  }
}
