import Data
import ExperimentKeys
import Files
import Models

extension Experiment {
  /// Whether the model takes samples of the data's kind, from the keys and the heads of the files
  /// alone.
  /// - Throws: an `ExperimentError` where it does not, a `FileError` where a file cannot be used.
  public func checkFit() throws {
    guard let samples = try data.recipe.outline() else { return }
    _ = try model.recipe.model(for: samples, seed: UInt64(seed))
  }
}
