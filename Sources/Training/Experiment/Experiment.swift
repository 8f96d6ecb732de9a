import Data
import GradientNorms
import Models
import Optimizers

/// A run, whole: model, data, how it is trained, clipped, recorded and kept.
///
/// Read from TOML (``init(text:source:overrides:)``), in which unknown keys and wrong types are errors that name key, line and nearest
/// valid key. ``resolved`` is the same experiment with every default and override written out: running that repeats the run.
public struct Experiment: Sendable {
  public var name: String
  /// Feeds initial weights and sample order.
  public var seed: Int
  public var model: ModelChoice
  public var data: DataChoice
  public var training: TrainingChoice
  public var optimizer: OptimizerRule
  public var learningRate: Double
  public var schedule: Schedule
  public var clip: ClipRule
  public var report: ReportChoice
  public var checkpoint: CheckpointChoice
  /// The experiment file with defaults and overrides filled in.
  public let resolved: String

  public struct ModelChoice: Sendable {
    public enum Kind: String, CaseIterable, Sendable { case mlp, linear, logistic }
    public var kind: Kind
    public var hidden: [Int]
    public var activation: Activation
    public var loss: Loss
    /// A safetensors file to start from.
    public var start: String?
  }

  public struct DataChoice: Sendable {
    public enum Kind: String, CaseIterable, Sendable {
      case fashionMNIST = "fashion-mnist"
      case idx, blobs
    }
    public var kind: Kind
    public var path: String?
    public var order: SampleOrder
    public var blobs: (samples: Int, classes: Int, dimensions: Int, spread: Double)
  }

  public struct TrainingChoice: Sendable {
    public enum Gradient: String, CaseIterable, Sendable { case replicated, sharded }
    public var globalBatch: Int
    public var microBatch: Int
    public var length: Length
    public var gradient: Gradient

    public enum Length: Sendable, Equatable { case epochs(Int), steps(Int) }
  }

  public struct ReportChoice: Sendable {
    /// Steps between two lines of `ranks.jsonl`.
    public var every: Int
  }

  public struct CheckpointChoice: Sendable {
    /// Steps between two checkpoints; nil for none.
    public var every: Int?
    /// How many of the newest are kept.
    public var keep: Int
  }
}
