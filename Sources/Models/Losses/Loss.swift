import ExperimentKeys
import Vectors

/// What a model's outputs are measured by, as `model.loss` names it.
public protocol Loss: Kind {
  /// The batch's losses, summed, and its right answers; with `gradient`, also scale · ∂loss/∂outputs
  /// into that.
  ///
  /// `outputs` and `gradient` are row-major, batch.count × width. A value that is not finite makes
  /// the loss or the gradient so.
  func measure(
    _ outputs: UnsafePointer<Float>, width: Int, batch: borrowing Batch, scale: Float,
    gradient: UnsafeMutablePointer<Float>?
  ) -> Evaluation
}

/// Every kind of loss; the first is the default.
public enum Losses: KindList {
  public static let noun = "loss"
  public static let builtIn: [any Loss.Type] = [CrossEntropy.self, SquaredError.self]
  public static func choice(of kind: any Loss.Type) -> KeyDeclaration.Choice {
    KeyDeclaration.Choice(kind)
  }
}

extension Registry {
  /// Makes a loss of the program's own known to experiments.
  public mutating func register(_ kind: (some Loss).Type) { add(kind, to: Losses.self) }
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
