import Vectors

/// A model that answers for samples of which it knows the inputs alone.
public protocol PredictiveModel: Model {
  /// What its outputs are measured by, which says what they mean.
  var loss: any Loss { get }
  /// How many outputs a sample has.
  var outputWidth: Int { get }

  /// The outputs of a batch, row-major, count × width, as the loss takes them; they stay where they
  /// are until the next call. Labels and targets of the batch are not looked at, and there is at
  /// least one sample.
  func outputs(_ batch: borrowing Batch, weights: borrowing FlatVector) -> UnsafePointer<Float>
}

/// What the numbers are that a prediction gives for a sample.
public enum PredictionForm: String, Sendable {
  /// One for each class, together 1.
  case probabilities
  /// One for each class, the largest for the class predicted.
  case scores
  /// One for each target.
  case values
}

extension Loss {
  public func predictionForm(for samples: SampleShape) -> PredictionForm {
    samples.targets > 0 ? .values : .scores
  }

  public func predict(
    _ outputs: UnsafePointer<Float>, width: Int, of samples: SampleShape,
    into values: UnsafeMutablePointer<Float>
  ) -> Int {
    values.update(from: outputs, count: width)
    return largest(outputs, width)
  }

  /// The place of the first largest output: what evaluation takes for a model's answer.
  func largest(_ outputs: UnsafePointer<Float>, _ width: Int) -> Int {
    var largest = 0
    for index in 0..<width where outputs[index] > outputs[largest] { largest = index }
    return largest
  }
}
