import Configuration
import Data
import Files
import GradientNorms

/// A seal keeps no one from writing what they want: what a state says is looked at before anything
/// counts on from it.
extension CheckpointState {
  /// What no run can have written, in words; nil where there is nothing of that kind.
  ///
  /// - Parameters:
  ///   - sampleCount: training samples of the data.
  ///   - tensors: tensors of the model.
  ///   - clip: the rule that is to go on with its state.
  ///   - tag: what that state is known by; nil for what the rule says.
  ///   - groups: which tensors are clipped together; nil for all.
  package func impossibility(
    sampleCount: Int, tensors: Int, clip: some ClipRule, tag: StateTag? = nil,
    groups: ClipGroups? = nil
  ) -> String? {
    if let path = impossibleCount(in: self, exempt: ["seed"]) {
      return "a count of \(path) that no run reaches"
    }
    let batch = trainer.batch.state ?? globalBatch
    if !(1...(1 << 30)).contains(batch) { return "a global batch of \(batch)" }
    let optimizerSteps = trainer.optimizer.state?.steps ?? 0
    if !(0...step).contains(optimizerSteps) {
      return "\(optimizerSteps) steps of the optimizer in \(step) of the run"
    }
    if let idle = trainer.optimizer.state?.idle,
      idle.count != tensors || !idle.allSatisfy((0...optimizerSteps).contains)
    {
      return "steps in which tensors were frozen that do not fit \(tensors) tensors"
    }
    if trainer.cursor.position >= sampleCount {
      return "the position \(trainer.cursor.position) among \(sampleCount) samples"
    }
    if let last = history.evaluations?.last, last.step > step {
      return "an evaluation after step \(last.step) of \(step)"
    }
    if let noise = trainer.layerNoise, noise.scales.count != tensors {
      return "the noise of \(noise.scales.count) tensors for a model of \(tensors)"
    }
    if trainer.lastUpdate.count != 2 {
      return "\(trainer.lastUpdate.count) norms of the last update, which has 2"
    }
    if let state = trainer.clip.state(for: tag ?? clip.stateTag),
      !(groups.map { clip.accepts(state, groups: $0) }
        ?? clip.accepts(state, tensorCount: tensors))
    {
      return
        "a state of clip.rule \(trainer.clip.kind) that is none for a model of \(tensors) tensors"
    }
    return nil
  }
}
