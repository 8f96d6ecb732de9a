import Coordination
import Data
import MPI

/// What a run trains on and what it is tested on.
public struct TrainingData {
  public let train: any Dataset
  public let test: any Dataset

  /// Opens and reads an experiment's data; the ranks of a node share one copy. Collective; a bad file ends the job with one message.
  public init(_ choice: Experiment.DataChoice, seed: Int, on world: borrowing Communicator) throws {
    switch choice.kind {
    case .blobs:
      let blobs = Blobs(
        classes: choice.blobs.classes, dimensions: choice.blobs.dimensions, samples: choice.blobs.samples, spread: choice.blobs.spread,
        seed: UInt64(seed))
      train = blobs
      test = blobs.further(max(1, choice.blobs.samples / 4))
    case .fashionMNIST, .idx:
      let directory = choice.path ?? LabeledImagesFiles.fashionMNIST
      let classes = choice.kind == .fashionMNIST ? 10 : nil
      let files = try world.agree {
        (
          train: try LabeledImagesFiles(directory: directory, split: .train, classes: classes),
          test: try LabeledImagesFiles(directory: directory, split: .test, classes: classes)
        )
      }
      let node = try world.splitByNode()
      let trainMemory = try NodeMemory(count: files.train.byteCount, on: node, filler: 0)
      let testMemory = try NodeMemory(count: files.test.byteCount, on: node, filler: 1)
      // The agreement is also the barrier behind which the bytes may be read.
      try world.agree {
        if trainMemory.isFiller { try files.train.load(into: trainMemory.bytes) }
        if testMemory.isFiller { try files.test.load(into: testMemory.bytes) }
      }
      train = LabeledImages(files.train, in: UnsafeRawBufferPointer(trainMemory.bytes), keeping: trainMemory)
      test = LabeledImages(files.test, in: UnsafeRawBufferPointer(testMemory.bytes), keeping: testMemory)
      try world.agree {
        guard test.inputWidth == train.inputWidth, test.classCount <= train.classCount else {
          throw DataError(
            directory,
            "the test set has \(test.inputWidth) pixels and \(test.classCount) classes, the training set \(train.inputWidth) and "
              + "\(train.classCount)", remedy: "give two splits of one data set")
        }
      }
    }
  }
}
