import Data
import ExperimentKeys
import Files
import GradientNorms
import Models
import Optimizers
import Recording
import Reports
import Vectors

extension Experiment {
  /// What the coordinator is to know of this experiment. Reads the heads of the data's files, no
  /// more.
  /// - Throws: where the model cannot take such samples, or a file cannot be used.
  public func description() throws(WorkerRefusal) -> ExperimentDescription {
    do {
      let model = try checkFit()
      return ExperimentDescription(
        name: name, resolved: resolved, notes: ignoredKeyNotes, dataFiles: data.recipe.files,
        globalBatch: training.globalBatch, microBatch: training.microBatch,
        learningRate: learningRate, threads: training.threads, mostRanks: mostRanks(model),
        tensors: model?.layout.segments.map {
          ExperimentDescription.Tensor(name: $0.name, shape: $0.shape)
        },
        layers: model?.layerSummaries.map {
          ExperimentDescription.Layer(
            path: $0.path, kind: $0.kind, result: $0.result, parameters: $0.parameters,
            multiplyAdds: $0.multiplyAdds)
        }, course: course)
    } catch let error as ExperimentError {
      throw WorkerRefusal(.usage, error.description)
    } catch {
      throw WorkerRefusal(.data, "\(error)")
    }
  }

  private var course: ExperimentDescription.Course {
    var (steps, epochs): (Int?, Int?)
    switch training.length {
    case .steps(let count): steps = count
    case .epochs(let count): epochs = count
    }
    return ExperimentDescription.Course(
      steps: steps, epochs: epochs, heldOut: evaluation.split,
      isShuffled: data.order == .shuffled, orderSeed: data.orderSeed ?? seed,
      followsBatch: batchGrowth != nil || rateRule is AdaScaleRate,
      ratePower: optimizer.ratePower)
  }

  /// How many ranks can get samples in a step: each takes one at least, or a whole micro-batch where
  /// steps are divided by these.
  private func mostRanks(_ model: (any Model)?) -> Int {
    let batch = max(training.globalBatch, batchGrowth?.largest ?? 0)
    guard training.reproducible || model?.runningStatistics != nil else { return batch }
    return (batch + training.microBatch - 1) / training.microBatch
  }

  /// A line for each key of the file that another kind than the chosen one has.
  public var ignoredKeyNotes: [String] {
    ignoredKeys.map {
      "\($0) is passed over: another kind of \($0.prefix { $0 != "." }) has it, not the one chosen"
    }
  }
}
