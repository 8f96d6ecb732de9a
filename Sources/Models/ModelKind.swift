import ExperimentKeys
import Vectors

/// A kind of model that an experiment can name as `model.kind`: how it is made for a data set.
public protocol ModelKind: Kind {
  /// The kind of data that a new experiment with such a model has; nil for the default.
  static var usualData: String? { get }

  /// The default of `optimizer.decay`; all tensors unless the kind says otherwise.
  static var usualDecay: DecayedTensors { get }

  /// The model for samples of a shape.
  /// - Throws: in one line, when such samples cannot go into it.
  func model(for samples: SampleShape, seed: UInt64) throws(ExperimentError) -> any Model
}

/// Every kind of model; the first is the default.
public enum ModelKinds: KindList {
  public static let noun = "model kind"
  public static let builtIn: [any ModelKind.Type] = [
    MLPKind.self,
    LinearKind.self,
    LogisticKind.self,
    CNNKind.self,
    RNNKind.self,
    LSTMKind.self,
    GPTKind.self,
    NetworkKind.self,
    VAEKind.self,
    KMeansKind.self,
    PolicyKind.self,
  ]
  public static func choice(of kind: any ModelKind.Type) -> KeyDeclaration.Choice {
    var choice = KeyDeclaration.Choice(kind)
    if let data = kind.usualData {
      choice.suits = [KeyDeclaration.Condition("data.kind", data)]
    }
    if kind.usualDecay != .all {
      choice.suits.append(
        KeyDeclaration.Condition("optimizer.decay", kind.usualDecay.rawValue))
    }
    return choice
  }
}

extension Registry {
  /// Makes a model kind of the program's own known to experiments.
  public mutating func register(_ kind: (some ModelKind).Type) { add(kind, to: ModelKinds.self) }
}

extension ModelKind {
  public static var usualData: String? { nil }
  public static var usualDecay: DecayedTensors { .all }

  /// The answer to data that do not suit.
  func mismatch(_ wanted: String) -> ExperimentError {
    ExperimentError(
      "model.kind \"\(Self.kind)\" needs \(wanted): choose another data.kind, or another model")
  }

  /// How many outputs a loss needs for samples of numbers.
  func outputs(_ samples: SampleShape, for loss: any Loss) throws(ExperimentError) -> Int {
    guard samples.inputs > 0, samples.classes > 0 || samples.targets > 0 else {
      throw mismatch("numbers with labels or targets")
    }
    return try loss.outputs(for: samples)
  }
}
