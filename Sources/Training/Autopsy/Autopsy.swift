import Configuration
import Data
import GradientNorms
import GradientReduction
import MPI
import Models
import Optimizers
import Recording
import Vectors

/// Finds out what raised an alarm, before the step's weights change: the gradient of a share has the
/// same bits on every rank, so that computing it again is evidence.
///
/// In this order, and as far as it takes: the weights of all ranks are compared; every rank computes
/// its share again, and those of the two ranks before it; the sum of the shares is made again by
/// plain messages in Float64; the optimiser's state is held against what gradients can make of it; a
/// healthy earlier batch is computed with the present weights. If that is as it was, the step's
/// samples are the cause, and are measured one by one; if not, the last updates are compared with
/// those before.
///
/// An alarm costs up to five gradients' time and two vectors of the model's size; a step without one
/// a few operations a tensor. The replay of one rank by others is Megatron-Core's rerun state
/// machine, without a restart.
final class Autopsy {
  private(set) var memory: StepMemory
  let pass: GradientPass
  let updater: ParameterUpdater
  private let spike: Double
  let isScopeWorker: Bool
  let frozen: Set<Int>
  private let reproducibility: Reproducibility
  private var known: Double?

  /// Nil where a step's gradients cannot be computed again as they were.
  init?(
    _ settings: TrainerSettings, _ pass: GradientPass, _ updater: ParameterUpdater,
    frozen: Set<Int>
  ) {
    guard pass.canReplay else { return nil }
    (self.pass, self.updater) = (pass, updater)
    var rule = settings.optimizer
    if var decaying = rule as? any DecayingRule,
      let most = settings.groups.compactMap(\.weightDecay).max(), most > decaying.weightDecay
    {
      // The bound of all tensors is that of the one whose weights count most.
      decaying.weightDecay = most
      rule = decaying
    }
    memory = StepMemory(rule, tensors: pass.model.layout.segments.count)
    spike = settings.guardConfig.skip.spike ?? 10
    isScopeWorker = settings.clipScope == .worker
    self.frozen = frozen
    reproducibility = settings.training.reproducibility
  }

  /// The optimiser's state was taken over from a checkpoint: what gradients make of it counts from
  /// there.
  func restore() {
    guard memory.momentBounds != nil else { return }
    var squares = [Double](repeating: 0, count: tensors)
    for (part, _) in updater.partition.updateParts {
      squares[part.tensor] += updater.optimizer.squares(ofMoment: 0, in: part.range)
    }
    memory.restore(moments: squares.map { $0.squareRoot() })
  }

  /// Takes in a step's reduced ledger and what was decided on it.
  func record(_ step: StepInProgress, _ decision: StepDecision) {
    memory.record(step.ledger, decision, slice: step.batches.slice, step: step.number)
  }

  var tensors: Int { pass.model.layout.segments.count }
  func name(_ tensor: Int?) -> String? {
    tensor.map { pass.model.layout.segments[$0].name }
  }

  // MARK: Replays

  /// Whether some rank computes another gradient of a share than its owner.
  /// Every rank computes the share of the rank before it. Collective: one gradient's time, and a
  /// gather of 8 bytes a tensor and rank.
  func difference(
    in step: StepInProgress, _ parts: [MicroBatchNorms], on world: borrowing Communicator
  )
    throws -> Bool
  {
    guard world.size > 1 else { return false }
    try pass.parameters.finishAllGather()
    let others = pass.batches((world.rank + world.size - 1) % world.size, of: step.batches)
    var vector = FlatVector(zeros: pass.model.layout)
    let again = try pass.replay(others, step: step.number, into: &vector)
    let rows = try gather(
      [ShareFingerprint(parts, tensors: tensors), ShareFingerprint(again, tensors: tensors)],
      on: world)
    let tolerance = try tolerance(on: world)
    return rows.indices.contains {
      !rows[$0][0].isSame(as: rows[($0 + 1) % rows.count][1], tolerance)
    }
  }

  /// By how much, in parts, ranks may differ in what they compute: not at all where their CPUs and
  /// threads are alike. Collective the first time: a gather of a line a rank.
  private func tolerance(on world: borrowing Communicator) throws -> Double {
    if let known { return known }
    let threads = ComputeSettings.current.threadCount
    let all = try world.allGatherTexts(
      reproducibility == .anyCPU
        ? "any" : "\(CPUKind.here) \(reproducibility == .no ? threads : 1)")
    let found = Set(all).count == 1 ? 0 : Self.unlike
    known = found
    return found
  }

  /// For squares of tensors that unlike CPUs compute.
  private static let unlike = 1e-2

  private func gather(_ mine: [ShareFingerprint], on world: borrowing Communicator) throws
    -> [[ShareFingerprint]]
  {
    let words = mine.flatMap(\.values)
    let all: [Double] = try world.allGather(words.span)
    let width = tensors + 1
    return (0..<world.size).map { rank in
      mine.indices.map { column in
        let start = rank * words.count + column * width
        return ShareFingerprint(all[start..<start + width])
      }
    }
  }

  // MARK: The examination

  /// What caused an alarm of `kind`. Collective.
  func examine(
    _ step: StepInProgress, _ parts: [MicroBatchNorms], _ kind: IncidentRecord.Kind,
    on world: borrowing Communicator
  ) throws -> Incident {
    try pass.parameters.finishAllGather()
    var finding = IncidentRecord(step: step.number, kind: kind, cause: .unknown, text: "")
    let moment = try momentsAtFault(on: world)
    if let difference = try differingWeights(on: world) {
      finding.evidence.append(difference.text)
      finding.kind = .divergence
      if let moment { return blaming(moment, finding) }
      (finding.cause, finding.rank) = (.transient, difference.odd?.first)
      return Incident(
        finding.saying("the weights of a rank were changed by a fault of its memory"), .atOnce)
    }
    finding.evidence.append("all ranks hold the same weights")

    var mine = FlatVector(zeros: pass.model.layout)
    let table = try replays(of: step, parts, into: &mine, on: world)
    switch table.finding(expected: expected(step)) {
    case .transient(let rank, let tensor):
      (finding.cause, finding.rank, finding.tensor) = (.transient, rank, name(tensor))
      finding.evidence.append(
        table.text(
          ofShare: rank, tensor, name: name(tensor), is: "computed again there and elsewhere"))
      return Incident(finding.saying("a fault of rank \(rank) that did not come back"))
    case .persistent(let rank, let tensor):
      (finding.cause, finding.rank, finding.tensor) = (.persistent, rank, name(tensor))
      finding.evidence.append(table.text(ofRank: rank, tensor, name: name(tensor)))
      return Incident(
        finding.saying(
          rank.map { "rank \($0) computes other gradients than the other ranks, each time" }
            ?? "ranks compute different gradients of the same samples, and no majority says which is right"
        ), .afterCheckpoint)
    case .notRepeatable:
      finding.evidence.append("on every rank the gradient, computed again, is another one")
      return Incident(
        finding.saying(
          "no cause can be found: the model does not compute the same twice, so that nothing can be compared"
        ))
    case .sound where kind == .divergence:
      finding.cause = .transient
      return Incident(finding.saying("a gradient that came out otherwise once, and not again"))
    case .sound:
      finding.evidence.append(
        world.size > 1
          ? "every share, computed again by its rank and by another, is the same"
          : "the gradient, computed again, is the same to the bit")
    }

    if let sum = try faultOfSum(step, mine, on: world) {
      finding.cause = sum.repeats ? .persistent : .transient
      finding.tensor = name(sum.tensor)
      finding.evidence.append(sum.text)
      return Incident(
        finding.saying(
          "the ranks' gradients are right and their sum was not"
            + (sum.repeats ? ", also when it was made again" : "")),
        sum.repeats ? .afterCheckpoint : nil)
    }
    if checksSums(world.size) {
      finding.evidence.append("the sum of the shares, made again in Float64, is the same")
    }
    // Samples that a spoilt weight reaches may be few, and look like the cause.
    if let moment { return blaming(moment, finding) }
    try weigh(step, into: &finding, &mine, on: world)
    return Incident(finding)
  }

  /// Whether samples or the last updates are to blame, since all was computed as it should.
  private func weigh(
    _ step: StepInProgress, into finding: inout IncidentRecord, _ vector: inout FlatVector,
    on world: borrowing Communicator
  ) throws {
    let samples = pass.model.obstacleToSamples == nil
    guard let healthy = memory.healthy, let usual = memory.usualRMS else {
      finding.evidence.append("no earlier step was taken that it could be compared with")
      finding = finding.saying("no cause was found")
      return
    }
    let batches = pass.batches(
      of: healthy.slice, rank: world.rank, ranks: world.size)
    var before = SampleNorms()
    let parts = try measure(batches, step: healthy.step, samples, into: &vector, &before, on: world)
    let now = try localRMS(parts, of: batches, on: world)
    finding.evidence.append(
      "the batch of step \(healthy.step), whose local norm was \(formatted(healthy.localRMS)), has \(formatted(now)) with the present weights; \(formatted(usual)) is usual"
    )
    if now <= usual * spike.squareRoot() {
      finding.cause = .data
      var present = SampleNorms()
      if samples {
        _ = try measure(
          step.batches, step: step.number, samples, into: &vector, &present, on: world)
      }
      describe(present, against: before, in: &finding)
      return
    }
    if memory.updates.isLeft {
      finding.cause = .learningRate
      let recent = memory.updates.recent ?? .nan
      finding.evidence.append(
        "one of the last \(UpdateBand.recentCount) updates changed the weights by \(formatted(recent)) of their norm"
          + (memory.updates.longest.map { ", those before by at most \(formatted($0))" } ?? ""))
      finding = finding.saying("an update was too long for the weights: the rate is too high")
    } else {
      finding = finding.saying("no cause was found: earlier batches have large gradients too")
    }
  }

  // MARK: Its parts

  private func differingWeights(on world: borrowing Communicator) throws -> ReplicaDifference? {
    let digest = [pass.parameters.weights.fingerprint()]
    let digests: [UInt64] = try world.allGather(digest.span)
    return ReplicaDifference(digests)
  }

  /// Every share computed again; this rank's own sum is left in `vector`.
  private func replays(
    of step: StepInProgress, _ parts: [MicroBatchNorms], into vector: inout FlatVector,
    on world: borrowing Communicator
  ) throws -> ReplayTable {
    var mine = [ShareFingerprint(parts, tensors: tensors)]
    // The own share comes last, and stays in the vector.
    for back in (0..<ReplayTable.columns(ranks: world.size) - 1).reversed() {
      let rank = (world.rank + world.size - back) % world.size
      let again = try pass.replay(
        pass.batches(rank, of: step.batches), step: step.number, into: &vector)
      mine.insert(ShareFingerprint(again, tensors: tensors), at: 1)
    }
    return ReplayTable(rows: try gather(mine, on: world), tolerance: try tolerance(on: world))
  }

  /// About what the squares of each rank's weighted share usually are.
  private func expected(_ step: StepInProgress) -> [Double] {
    let usual = memory.usualRMS ?? 0
    return step.batches.positions.map {
      let part = usual * Double($0.count) / Double(step.batches.total)
      return part * part
    }
  }

  /// √L of parts that were computed again. Collective.
  private func localRMS(
    _ parts: [MicroBatchNorms], of batches: StepBatches, on world: borrowing Communicator
  ) throws -> Double {
    let mine = parts.reduce(0.0) {
      $0 + $1.squares.reduce(0, +) * Double(batches.total) / Double(max($1.samples, 1))
    }
    return try world.allReduce(mine, .sum).squareRoot()
  }

  /// Computes a batch's shares again and, where `samples` can be, measures each of them: the
  /// distribution over all ranks is left in `norms`. Collective.
  private func measure(
    _ batches: StepBatches, step number: Int, _ samples: Bool, into vector: inout FlatVector,
    _ norms: inout SampleNorms, on world: borrowing Communicator
  ) throws -> [MicroBatchNorms] {
    let squares =
      samples ? SampleSquares(by: pass.model.compute, mayMakeGradients: false) : nil
    var mine = SampleNorms()
    let rank = world.rank
    let parts = try pass.replay(batches, step: number, into: &vector, samples: squares) { batch in
      squares?.forEachSample(of: batch, total: batches.total, rank: rank) { mine.add($0) }
    }
    if samples { try SampleReduction().reduce(&mine, on: world) }
    norms = mine
    return parts
  }

  /// The step's largest samples against those of a healthy batch.
  private func describe(
    _ present: SampleNorms, against before: SampleNorms, in finding: inout IncidentRecord
  ) {
    let usual = before.largest.first?.norm ?? .infinity
    // Twice the largest, where any is: the largest of few samples is easily passed.
    let limit = present.largest.first.map { $0.norm > 2 * usual } == true ? 2 * usual : usual
    let outliers = present.largest.filter { $0.norm > limit }
    guard !outliers.isEmpty else {
      finding = finding.saying("the step's samples")
      return
    }
    finding.samples = outliers.map(\.index)
    finding.rank = nil
    let largest = outliers[0]
    finding.evidence.append(
      "the largest gradient of one sample is \(formatted(largest.norm)), of sample \(largest.index) on rank \(largest.rank); in the earlier batch, \(formatted(usual))"
    )
    let count = present.count(above: limit)
    finding = finding.saying(
      "\(count) of the step's samples, such as \(outliers.prefix(3).map { "\($0.index)" }.joined(separator: ", ")) of the training set"
    )
  }
}

extension IncidentRecord {
  /// With the sentence that names the cause.
  func saying(_ words: String) -> IncidentRecord {
    var record = self
    record.text = words
    return record
  }
}
