import Configuration
import GradientNorms
import MPI
import Recording

extension Trainer {
  /// Every `guard.replay_every` steps each rank computes another's share: why the step is to be
  /// skipped, where one came out otherwise. Collective.
  func silentFault(
    in step: StepInProgress, _ parts: [MicroBatchNorms], on world: borrowing Communicator
  ) throws -> SkipReason? {
    guard let autopsy, let every = settings.guardConfig.replayEvery, step.number % every == 0
    else { return nil }
    return try autopsy.difference(in: step, parts, on: world) ? .replayDiffers : nil
  }

  /// What caused the alarm for which a step is skipped; nil for a step that is taken. Collective.
  func examine(
    _ step: inout StepInProgress, _ decision: StepDecision, _ parts: [MicroBatchNorms],
    on world: borrowing Communicator
  ) throws -> Incident? {
    guard let autopsy else { return nil }
    autopsy.record(step, decision)
    guard case .skip(let reason) = decision.action else { return nil }
    let incident = try autopsy.examine(step, parts, reason.kind, on: world)
    step.clock.mark(.compute)
    return incident
  }
}

extension SkipReason {
  /// As `incidents.jsonl` names it.
  fileprivate var kind: IncidentRecord.Kind {
    switch self {
    case .spike: .spike
    case .nonFinite: .nonFinite
    case .corruptedReduction: .corruptedReduction
    case .replayDiffers: .divergence
    }
  }
}

extension TrainerSettings {
  /// Why `guard.replay_every` has no effect; nil where it has, or is not asked for.
  package func replayNote(_ canReplay: Bool, ranks: Int) -> String? {
    guard guardConfig.replayEvery != nil else { return nil }
    let reason =
      !guardConfig.autopsy
      ? "guard.autopsy is false"
      : !canReplay
        ? "with regularization.sam_radius or clip.scope \"sample\" a rank's gradient cannot be computed again"
        : ranks == 1 ? "there is no other rank to compute this one's gradient" : nil
    return reason.map { "guard.replay_every has no effect: \($0)" }
  }
}
