import Configuration
import Data
import FlightRecorder
import GradientNorms
import GradientReduction
import MPI
import Models
import Optimizers
import Recording
import Reports
import Scaling
import Vectors

/// One rank's replica of a model and the step that keeps all replicas equal.
public final class Trainer {
  public let settings: TrainerSettings
  /// What the user is to know of how the run was set up.
  public let notes: [String]
  /// Which samples a step is on, and their micro-batches.
  let sampler: BatchSampler
  /// This rank's gradient.
  let pass: GradientPass
  /// The sum of all ranks' gradients.
  let reducer: any GradientReducer
  let parameters: Parameters
  /// The step's ledger, and what is remembered of past ones.
  let statistics: StepStatistics
  /// What all ranks decide alike.
  var policy: TrainingPolicy
  let updater: ParameterUpdater
  /// What finds the cause of an alarm; nil where it is not asked for.
  let autopsy: Autopsy?
  /// What looks on at steps, or disturbs them; none in a normal run.
  package let observers: StepObservers

  /// Makes the parts. Collective; `settings` have optimiser and clip rule in them.
  init(
    _ model: any Model, _ data: TrainingData, _ settings: TrainerSettings,
    reducer given: (any GradientReducer)?, ranksPerNode: Int? = nil, simulation: Simulation? = nil,
    on world: borrowing Communicator
  ) throws {
    let treatments = try settings.treatments(of: model.layout)
    // Matrices that are updated as a whole have one owner each.
    let tensors = treatments?.dividing(model.layout) ?? model.layout
    self.settings = settings
    observers = StepObservers()
    sampler = try BatchSampler(data, settings, model.runningStatistics, ranks: world.size)
    let chosen =
      try given.map { ($0, nil) }
      ?? Self.makeReducer(
        settings.training, tensors, microBatches: sampler.largestMicroBatches,
        ranksPerNode: ranksPerNode, simulation, on: world)
    reducer = chosen.0
    if let factor = simulation?.factor(ofRank: world.rank), factor > 1 {
      observers.add(Straggler(factor: factor))
    }
    parameters = try reducer.makeParameters(on: world)
    let matrices = try MatrixDirections(
      treatments?.matrices ?? [], of: tensors, reducer.partition, on: world)
    pass = try GradientPass(
      model, sampler, reducer, parameters, settings, observers, frozen: treatments?.frozen ?? [],
      on: world)
    statistics = try StepStatistics(settings, tensors, reducer.partition, observers, on: world)
    policy = TrainingPolicy(
      settings, tensorSizes: tensors.segments.map(\.count), treatments?.clipGroups, sampler.length)
    updater = ParameterUpdater(
      settings, parameters, reducer.partition, treatments, matrices, statistics)
    autopsy =
      settings.guardConfig.autopsy
      ? Autopsy(settings, pass, updater, frozen: treatments?.frozen ?? []) : nil
    let note = try Self.initialize(parameters, model, sampler, UInt64(settings.seed), on: world)
    notes = [
      chosen.1, sampler.note, note, settings.clipNote,
      settings.replayNote(pass.canReplay, ranks: world.size),
    ].compactMap { $0 }
    updater.start()
  }

  /// Draws the batch, computes and sums the gradients, reduces the ledger, decides, updates the
  /// weights and gives them to all ranks. Collective.
  ///
  /// Between hosts the weights that other ranks updated may arrive while the next step computes;
  /// reading ``weights`` waits for them.
  ///
  /// Messages: the reducer's, and one allreduce of the ledger (a second one where the clip is
  /// decided by the bound √L, before the gradients are summed; one more for LAMB's ratios, one for a
  /// clip of the update or by largest elements, and one for norms of orders above 3; a broadcast of
  /// each matrix's direction for Muon with a replicated gradient; one gradient reduction more for
  /// SAM, and at report steps in the clip's scopes worker and sample; 48 bytes a running statistic of
  /// batch normalization; one of 2.2 KB for the distribution of samples' norms; what `guard.autopsy`
  /// sends after an alarm). Every rank takes the same
  /// decision, from the same reduced values.
  public func step(on world: borrowing Communicator) throws -> StepOutcome {
    let outcome = try stepAhead(on: world)
    if !parameters.finishesAlone { try parameters.finishAllGather() }
    return outcome
  }

  /// The same for callers whose ranks all step again, or all call ``finishAllGather()``, before one
  /// reads the weights: so no rank ever waits for them longer than it must.
  package func stepAhead(on world: borrowing Communicator) throws -> StepOutcome {
    var step = beginStep(on: world)
    try reducer.begin(step.batches.microBatchRanges, on: world)
    let norms = try pass.run(&step, statistics, on: world)
    let local = statistics.contribute(norms, step.batches, into: &step.ledger)
    pass.samples?.contribute(to: &step.ledger)
    let early = try decideEarly(step.ledger, on: world)
    let squares = try pass.reduce(on: world)
    pass.restoreWeights()
    step.clock.mark(.reduce)

    try statistics.measure(pass, squares: squares, updater, into: &step.ledger, on: world) {
      policy.limits(ofLargest: $0)
    }
    try statistics.close(&step, on: world)
    let samples = try pass.samples?.distribution(on: world)
    let fault = try silentFault(in: step, norms.parts, on: world)
    var decision = policy.decide(step.ledger, early: early, fault: fault)
    step.clock.mark(.norm)
    let incident = try examine(&step, decision, norms.parts, on: world)

    var rate = policy.rateInForce(step)
    if !decision.isSkip {
      statistics.record(step.ledger)
      rate =
        policy.record(step, decision, statistics.noise) * updater.rateFactor
        * observers.rateFactor(in: step.number)
      let update = try updater.apply(
        decision, &pass.gradient, step.ledger, rate: rate, on: world
      ) { policy.decideOnUpdate($0) }
      decision = decision.with(update)
      step.clock.mark(.optimizer)
      try parameters.startAllGather(on: world)
      try pass.runningStatistics?.apply(on: world)
      step.clock.mark(.reduce)
    }
    try endStep(step, on: world)
    if isDone { try parameters.finishAllGather() }
    return outcome(
      of: step, decision, rate: rate, local: local, samples: samples,
      incident: incident)
  }
}
