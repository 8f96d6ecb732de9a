import Data
import ExperimentKeys
import GradientNorms
import Models
import Optimizers
import Vectors

/// A run, whole: model, data, how it is trained, clipped, recorded and kept.
///
/// Read from TOML (``init(text:source:overrides:registry:)``), in which unknown keys and wrong types
/// are errors that name key, line and nearest valid key. ``resolved`` is the same experiment with
/// every default and override written out: running that repeats the run.
public struct Experiment: Sendable {
  public var name: String
  /// Feeds initial weights and sample order.
  public var seed: Int
  public var model: ModelChoice
  public var data: DataChoice
  public var training: TrainingChoice
  public var optimizer: any OptimizerRule
  public var learningRate: Double
  /// The tensors that weight decay acts on.
  public var decay: DecayedTensors
  /// Tensors that are updated in another way than the rest; the first that has a tensor counts.
  public var groups: [ParameterGroup]
  public var schedule: any Schedule
  /// A factor on the schedule's rate that follows the norms.
  public var rateRule: any RateRule
  public var batchGrowth: BatchGrowth?
  public var clip: any ClipRule
  public var clipScope: ClipScope
  /// Whether the rule limits the gradient or the update.
  public var clipTarget: ClipTarget
  public var regularization: Regularization
  public var guardConfig: GuardConfig
  /// What may end training before its length.
  public var stop: any StopRule
  public var evaluation: EvaluationChoice
  public var report: ReportChoice
  public var checkpoint: CheckpointChoice
  /// The experiment file with defaults and overrides filled in.
  public internal(set) var resolved: String
  /// Keys of the file that belong to another kind of model or data than the one chosen.
  public internal(set) var ignoredKeys: [String]
  /// Every key, as `section.key`, that an experiment of these kinds may have.
  public internal(set) var keys: Set<String>

  public struct ModelChoice: Sendable {
    public var recipe: any ModelKind
    /// What the recipe was read from, resolved: a weights file keeps it.
    public var section: String
    /// A safetensors file to start from.
    public var start: String?
  }

  public struct DataChoice: Sendable {
    public var recipe: any DataKind
    public var order: SampleOrder
    /// What the order follows from; nil for the experiment's seed.
    public var orderSeed: Int?
    /// How images are changed at random each time they are trained on.
    public var augmentation: ImageAugmentation
    /// What kind and order were read from, resolved: a weights file keeps it.
    public var section: String
  }

  public struct TrainingChoice: Sendable {
    public enum Gradient: String, CaseIterable, Sendable { case auto, replicated, sharded }
    public enum Exchange: String, CaseIterable, Sendable { case auto, shared, messages }
    public enum Overlap: String, CaseIterable, Sendable { case auto, always, never }
    public var globalBatch = 256
    public var microBatch = 32
    public var length = Length.epochs(1)
    /// How much of a step's samples each rank gets, in proportion; nil for equal parts.
    public var shares: [Int]?
    /// Whether each rank updates all weights or its own slice; `auto`: its slice, but all where
    /// only messages join the nodes.
    public var gradient = Gradient.auto
    /// Whether the ranks of a node share memory or send messages; `auto` shares where it can.
    public var exchange = Exchange.auto
    /// Whether messages carry a gradient while the rest of it is computed; `auto`: where that was
    /// measured faster.
    public var overlap = Overlap.auto
    /// Where losses, norms and weights have the same bits at any number of ranks and threads.
    public var reproducibility = Reproducibility.no
    /// Whether they have anywhere.
    public var reproducible: Bool { reproducibility != .no }
    /// With how many threads each rank computes.
    public var threads = ThreadCount.fixed(1)

    public enum Length: Sendable, Equatable { case epochs(Int), steps(Int) }

    /// The defaults of an experiment file.
    public init() {}
  }

  public struct ReportChoice: Sendable {
    public enum Noise: String, CaseIterable, Sendable {
      case ranks
      case microBatches = "micro-batches"
      case samples
    }

    /// Steps between two lines of `ranks.jsonl`.
    public var every = 10
    /// Norms of the gradient that are recorded beside L2.
    public var norms: [NormOrder] = []
    /// Prefixes of tensor names whose tensors' norm is recorded together.
    public var groups: [String] = []
    /// What is compared to separate gradient from noise: the ranks' gradients, at no cost; every
    /// micro-batch's, at one pass over it; or every sample's, measured in the backward pass.
    public var noise = Noise.ranks
    /// Whether records of report steps have signal and noise of each tensor.
    public var noiseLayers = false
    /// Whether records have the distribution of the norms of single samples' gradients.
    public var samples = false
    /// With how many steps before it each loss and norm is compared, and how many standard
    /// deviations from their mean make a spike.
    public var spikeWindow = 1000
    public var spikeDeviations = 7.0
    /// Whether TensorBoard's files are written.
    public var tensorboard = true

    /// The defaults of an experiment file.
    public init() {}

    /// Whether the backward pass measures each sample's gradient.
    package var measuresSamples: Bool { samples || noise == .samples }

    /// Whether what is recorded every so many steps is of this one; the first always is.
    package func includes(step: Int) -> Bool { step == 1 || step % every == 0 }
  }

  public struct CheckpointChoice: Sendable {
    /// Steps between two checkpoints; nil for none.
    public var every: Int?
    /// How many of the newest are kept.
    public var keep: Int
  }
}
