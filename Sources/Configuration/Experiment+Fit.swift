import Data
import ExperimentKeys
import Files
import GradientNorms
import Models
import Optimizers

extension Experiment {
  /// The model on samples of the data's kind, from the keys and the heads of the files alone; nil
  /// where they do not say what a sample is.
  /// - Throws: an `ExperimentError` where it cannot take them, or a group of tensors has none; a
  ///   `FileError` where a file cannot be used.
  @discardableResult
  public func checkFit() throws -> (any Model)? {
    guard let samples = try data.recipe.outline() else { return nil }
    try data.augmentation.check(samples)
    let model = try model.recipe.model(for: samples, seed: UInt64(seed))
    _ = try TensorTreatments(model.layout, optimizer, decay: decay, groups: groups)
    try report.check(model, clipScope)
    return model
  }
}

extension Experiment.ReportChoice {
  /// Throws where single samples' gradients are to be measured or clipped, and the model has none.
  package func check(_ model: any Model, _ scope: ClipScope) throws(ExperimentError) {
    guard measuresSamples || scope == .sample, let obstacle = model.obstacleToSamples else {
      return
    }
    throw ExperimentError(
      scope == .sample
        ? "clip.scope: \(obstacle): use \"mean-gradient\", \"worker\" or \"bound\""
        : samples
          ? "report.samples: \(obstacle): leave it out"
          : "report.noise: \(obstacle): use \"ranks\" or \"micro-batches\"")
  }
}
