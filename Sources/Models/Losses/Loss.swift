import ExperimentKeys
import Vectors

/// What a model's outputs are measured by, as `model.loss` names it.
public protocol Loss: Kind {
  /// How many outputs a model needs for samples of a shape: by default one for each target or, of
  /// data without targets, for each class.
  /// - Throws: in one line, where the loss is not defined for such samples.
  func outputs(for samples: SampleShape) throws(ExperimentError) -> Int

  /// The values that it is defined for as targets; nil for all finite ones. Callers refuse others:
  /// the loss would be a number all the same.
  var targetRange: ClosedRange<Float>? { get }

  /// The batch's losses, summed, and its right answers; with `gradient`, also
  /// scale · ∂loss/∂outputs into that.
  ///
  /// `outputs` and `gradient` are row-major, batch.count × width. A value that is not finite makes
  /// the loss or the gradient so.
  func measure(
    _ outputs: UnsafePointer<Float>, width: Int, batch: borrowing Batch, scale: Float,
    gradient: UnsafeMutablePointer<Float>?
  ) -> Evaluation

  /// What ``predict(_:width:of:into:)`` writes for samples of a shape: by default values of data
  /// with targets, else scores.
  func predictionForm(for samples: SampleShape) -> PredictionForm

  /// Writes what the outputs of one sample say, a number for each target or, of data without
  /// targets, for each class, and returns the class predicted. By default they are the outputs
  /// themselves, and the class is the first largest.
  func predict(
    _ outputs: UnsafePointer<Float>, width: Int, of samples: SampleShape,
    into values: UnsafeMutablePointer<Float>
  ) -> Int
}

/// Every kind of loss; the first is the default.
public enum Losses: KindList {
  public static let noun = "loss"
  public static let builtIn: [any Loss.Type] = [
    CrossEntropy.self,
    SquaredError.self,
    AbsoluteError.self,
    Huber.self,
    BinaryCrossEntropy.self,
  ]
  public static func choice(of kind: any Loss.Type) -> KeyDeclaration.Choice {
    KeyDeclaration.Choice(kind)
  }
}

extension Registry {
  /// Makes a loss of the program's own known to experiments.
  public mutating func register(_ kind: (some Loss).Type) { add(kind, to: Losses.self) }
}

extension Loss {
  public var targetRange: ClosedRange<Float>? { nil }

  public func outputs(for samples: SampleShape) throws(ExperimentError) -> Int {
    if samples.targets > 0 { return samples.targets }
    guard samples.labels == 1, samples.classes > 0 else {
      throw mismatch("targets, or one label a sample")
    }
    return samples.classes
  }

  /// The answer to data that do not suit.
  func mismatch(_ wanted: String) -> ExperimentError {
    ExperimentError(
      "the loss \(Self.kind) needs \(wanted): choose another loss, another model or other data")
  }
}

/// Traps unless every label names one of `classes`: a wrong one would read memory that is not the
/// model's.
public func checkLabels(_ batch: borrowing Batch, classes: Int) {
  for sample in 0..<batch.count where !(0..<classes).contains(Int(batch.labels[sample])) {
    fatalError(
      "label \(batch.labels[sample]) of sample \(sample) in its batch names no class of a model with \(classes) outputs"
    )
  }
}
