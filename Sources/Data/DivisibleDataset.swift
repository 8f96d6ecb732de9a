import Files
import Vectors

/// Samples that follow one another, of which a part is a set of its own.
protocol DivisibleDataset: Dataset {
  /// The samples in a range of this set's.
  subscript(samples: Range<Int>) -> Self { get }
}

extension TrainingData {
  /// Holds out the last `validation` of some samples, rounded, but at least one. With 0 all are
  /// trained on, and the last tenth of them, at least one, is the test set. `path` is the file that
  /// messages name.
  init(_ all: some DivisibleDataset, validation: Double, of path: String) throws(FileError) {
    guard validation > 0 else {
      self.init(train: all, test: all[all.count - max(1, all.count / 10)..<all.count])
      return
    }
    guard all.count > 1 else {
      throw FileError(
        path,
        "the text has one sample of context \(all.shape.tokens), of which none can be held out",
        remedy: "set data.validation to 0, or data.context to less")
    }
    let held = min(max(1, Int((Double(all.count) * validation).rounded())), all.count - 1)
    self.init(train: all[0..<all.count - held], test: all[all.count - held..<all.count])
  }
}
