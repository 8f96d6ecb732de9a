import Data
import ExperimentKeys
import MPI

/// A kind of data that an experiment can name: its keys, and how its training and test sets are opened. All of a kind is in one file, and its
/// line in ``dataRecipes``.
public protocol DataRecipe: Sendable {
  /// The value of `data.kind`.
  static var kind: String { get }

  /// Reads the kind's own keys of `[data]`.
  init(_ keys: inout ExperimentReader) throws(ExperimentError)

  /// The files that every host reads, under the names they have here; empty for data that are made up.
  var files: [String] { get }

  /// Opens, reads and checks the data; the ranks of a node share one copy of what has to be in memory. Collective; a bad file ends the job with
  /// one message.
  func open(seed: UInt64, on world: borrowing Communicator) throws -> TrainingData
}

extension DataRecipe {
  public var files: [String] { [] }
}

/// Every kind of data there is; the first is the default.
public let dataRecipes: [any DataRecipe.Type] = [
  FashionMNISTRecipe.self,
  IDXRecipe.self,
  TextRecipe.self,
  RandomTextRecipe.self,
  CSVRecipe.self,
  NpyRecipe.self,
  TemporalOrderRecipe.self,
  BlobsRecipe.self,
  CartPoleRecipe.self,
]
