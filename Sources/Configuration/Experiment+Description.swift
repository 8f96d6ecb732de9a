import Data
import ExperimentKeys
import Files
import Models
import Recording
import Reports
import Vectors

extension Experiment {
  /// What the coordinator is to know of this experiment. Reads the heads of the data's files, no
  /// more.
  /// - Throws: where the model cannot take such samples, or a file cannot be used.
  public func description() throws(WorkerRefusal) -> ExperimentDescription {
    do {
      return ExperimentDescription(
        name: name, resolved: resolved, notes: ignoredKeyNotes, dataFiles: data.recipe.files,
        globalBatch: training.globalBatch, microBatch: training.microBatch,
        learningRate: learningRate,
        tensors: try checkFit()?.layout.segments.map {
          ExperimentDescription.Tensor(name: $0.name, shape: $0.shape)
        })
    } catch let error as ExperimentError {
      throw WorkerRefusal(.usage, error.description)
    } catch {
      throw WorkerRefusal(.data, "\(error)")
    }
  }

  /// A line for each key of the file that another kind than the chosen one has.
  public var ignoredKeyNotes: [String] {
    ignoredKeys.map {
      "\($0) is passed over: another kind of \($0.prefix { $0 != "." }) has it, not the one chosen"
    }
  }
}
