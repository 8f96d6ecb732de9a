import ExperimentKeys
import Files
import Vectors

/// A kind of data that an experiment can name as `data.kind`: how its training and test sets are
/// opened.
public protocol DataKind: Kind {
  /// The files that every host reads, under the names they have here; empty for data that are made
  /// up.
  var files: [String] { get }

  /// What a sample is, as far as the keys and the heads of the files say it without reading data:
  /// what a model is tried on before ranks are started. Counts that only the data say are 1, or 2
  /// classes. Nil where nothing can be said, such as where a file is not on this machine.
  /// - Throws: where the files' heads say already that they cannot be used.
  func outline() throws(FileError) -> SampleShape?

  /// Opens, reads and checks the data; the ranks of a node share one copy of what has to be in
  /// memory. Collective; a bad file ends the job with one message.
  func open(seed: UInt64, on ranks: borrowing some DataContext & ~Copyable) throws -> TrainingData

  /// Opens the test set for a model that was trained before, or with `all` every sample, where one
  /// file holds both. What the data become does not depend on the data, but on what was trained:
  /// its categories, means and vocabulary. Collective.
  ///
  /// The default opens the test set of ``DataKind/open(seed:on:)``.
  func openTest(
    as trained: TrainedInputs, all: Bool, seed: UInt64,
    on ranks: borrowing some DataContext & ~Copyable
  ) throws -> EvaluationData
}

extension DataKind {
  public var files: [String] { [] }
  public func outline() -> SampleShape? { nil }

  public func openTest(
    as trained: TrainedInputs, all: Bool, seed: UInt64,
    on ranks: borrowing some DataContext & ~Copyable
  ) throws -> EvaluationData {
    let data = try open(seed: seed, on: ranks)
    return EvaluationData(data.test, notes: data.notes)
  }
}

/// Every kind of data; the first is the default.
public enum DataKinds: KindList {
  public static let noun = "data kind"
  public static let builtIn: [any DataKind.Type] = [
    FashionMNISTKind.self,
    IDXKind.self,
    ImageFolderKind.self,
    TextKind.self,
    TokensKind.self,
    RandomTextKind.self,
    CSVKind.self,
    NpyKind.self,
    NpzKind.self,
    TemporalOrderKind.self,
    BlobsKind.self,
    CartPoleKind.self,
  ]
  public static func choice(of kind: any DataKind.Type) -> KeyDeclaration.Choice {
    KeyDeclaration.Choice(kind)
  }
}

extension Registry {
  /// Makes a data kind of the program's own known to experiments.
  public mutating func register(_ kind: (some DataKind).Type) { add(kind, to: DataKinds.self) }
}
