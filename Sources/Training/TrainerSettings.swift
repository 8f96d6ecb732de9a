import Configuration
import Data
import ExperimentKeys
import GradientNorms
import Optimizers
import Vectors

/// How a trainer trains, besides its model, data, optimiser and clip rule: what an experiment file
/// says in its other sections, with the same defaults.
public struct TrainerSettings: Sendable {
  /// Feeds initial weights and sample order.
  public var seed = 1
  public var order = SampleOrder.shuffled
  /// Feeds the order of samples; nil for `seed`.
  public var orderSeed: Int?
  /// How images are changed at random each time they are trained on; evaluations see them as they
  /// are.
  public var augmentation = ImageAugmentation()
  /// Batch, length, and how the ranks share the work.
  public var training = Experiment.TrainingChoice()
  /// Where training ends before its length; nil for nowhere.
  public var end: RunEnd?
  /// The rate that the schedule starts from; nil for the optimiser's usual one.
  public var learningRate: Double?
  /// The tensors that the optimiser's weight decay acts on.
  public var decay = DecayedTensors.all
  /// Tensors that are updated in another way than the rest; the first that has a tensor counts.
  public var groups: [ParameterGroup] = []
  public var schedule: any Schedule = ConstantRate()
  /// A factor on the schedule's rate that follows the norms.
  public var rateRule: any RateRule = NoRateRule()
  public var batchGrowth: Experiment.BatchGrowth?
  /// Which norm a clip rule with a limit looks at, and when.
  public var clipScope = ClipScope.meanGradient
  /// Whether the clip rule limits the gradient or the update.
  public var clipTarget = ClipTarget.gradient
  public var regularization = Experiment.Regularization()
  /// When a step is refused and when replicas are compared.
  public var guardConfig = Experiment.GuardConfig()
  /// What may end training before its length.
  public var stop: any StopRule = NoStop()
  /// What is held out of the training set, and the mean of the weights. A ``Run`` evaluates, ends by
  /// patience and writes the best weights; other programs call ``Trainer/evaluateHeldOut(on:)``.
  public var evaluation = Experiment.EvaluationChoice()
  /// What is measured besides: norms, noise, and how often.
  public var report = Experiment.ReportChoice()

  // Given with the model.
  var optimizer: any OptimizerRule = SGD()
  var clip: any ClipRule = NoClip()
  // What an experiment says of model and data, for messages and weights files.
  var modelKind: String?
  var modelSection: String?
  var dataKind: String?
  var dataSection: String?

  /// The defaults of an experiment file: one epoch in batches of 256, nothing clipped.
  public init() {}

  /// What an experiment says.
  package init(_ experiment: Experiment) {
    (seed, order) = (experiment.seed, experiment.data.order)
    orderSeed = experiment.data.orderSeed
    augmentation = experiment.data.augmentation
    (training, learningRate) = (experiment.training, experiment.learningRate)
    (schedule, rateRule) = (experiment.schedule, experiment.rateRule)
    (batchGrowth, clipScope) = (experiment.batchGrowth, experiment.clipScope)
    (regularization, guardConfig) = (experiment.regularization, experiment.guardConfig)
    (stop, report, evaluation) = (experiment.stop, experiment.report, experiment.evaluation)
    (decay, groups) = (experiment.decay, experiment.groups)
    (optimizer, clip) = (experiment.optimizer, experiment.clip)
    clipTarget = experiment.clipTarget
    modelKind = type(of: experiment.model.recipe).kind
    modelSection = experiment.model.section
    dataKind = type(of: experiment.data.recipe).kind
    dataSection = experiment.data.section
  }

  /// Throws where settings exclude each other, as reading an experiment does.
  func validate() throws(ExperimentError) {
    if clipScope != .meanGradient && (clip.limit == nil || clip.order != .two) {
      throw ExperimentError(
        "clip.scope: \(clipScope.rawValue) is for rules with a fixed limit of the L2 norm")
    }
    guard
      let conflict = SettingConflict(clip, of: clipTarget, clipScope, optimizer)
        ?? SettingConflict(training, clipScope, regularization, report, groups)
    else { return }
    throw ExperimentError("\(conflict.section).\(conflict.key): \(conflict.text)")
  }

  /// The rate that the schedule starts from.
  var rate: Double { learningRate ?? type(of: optimizer).usualRate }

  /// How each tensor of a layout is updated; nil where all are updated alike.
  func treatments(of layout: TensorLayout) throws(ExperimentError) -> TensorTreatments? {
    try TensorTreatments(layout, optimizer, decay: decay, groups: groups)
  }

  /// What the run's ledgers hold.
  func ledgerLayout(tensorCount: Int) -> LedgerLayout {
    var orders = report.norms
    if !orders.contains(clip.order) { orders.append(clip.order) }
    if clip.needs.contains(.largestElements) { orders.append(.infinity) }
    let parts: LedgerLayout.PartsNorm =
      clipScope == .worker ? .sampled : regularization.changesMean ? .apart : .ofMean
    return LedgerLayout(
      tensorCount: tensorCount, orders: orders, countsApplied: clip.needs.contains(.elements),
      countsWeights: !optimizer.needs.isDisjoint(with: .weightNorms), parts: parts,
      countsSamples: report.measuresSamples || clipScope == .sample,
      clipsSamples: clipScope == .sample, hasNoiseOfSamples: report.noise == .samples)
  }

  /// Whether each micro-batch's gradient is measured apart.
  var measuresMicroBatches: Bool { training.reproducible || report.noise == .microBatches }
}
