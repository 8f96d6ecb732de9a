import Configuration
import Data
import ExperimentKeys
import GradientNorms
import Optimizers

/// What a checkpoint keeps of a trainer beside its weights and moments: every state with the kind
/// that it belongs to.
package struct TrainerState: Codable, Equatable {
  var cursor: SampleCursor
  var noise: NoiseScale
  /// By tensor, where that is recorded.
  var layerNoise: TensorNoise?
  /// The squared norms of the last update and of the weights before it.
  var lastUpdate: [Double]
  var clip: SavedState<StateValue>
  var guardian: SavedState<StepPolicy.Memory>
  var rate: SavedState<StateValue>
  /// Samples a step.
  var batch: SavedState<Int>
  var stop: SavedState<StateValue>
  var optimizer: SavedState<OptimizerState>

  /// An optimiser's state beside its moments.
  struct OptimizerState: Codable, Equatable {
    /// Its own step count, which skipped steps do not advance.
    var steps: Int
    var distance: DistanceOverGradients
    /// How many of them passed each tensor over, frozen; nil where none did.
    var idle: [Int]?
  }

  private enum CodingKeys: String, CodingKey {
    case cursor, noise, clip, rate, batch, stop, optimizer
    case guardian = "guard"
    case layerNoise = "layer_noise"
    case lastUpdate = "last_update"
  }

  /// `tags` are those of the settings that the memory was made under.
  package init(
    _ memory: Trainer.Memory, _ tags: Tags, optimizerSteps: Int, idleSteps: [Int]? = nil
  ) {
    cursor = memory.cursor
    (noise, layerNoise) = (memory.noise, memory.layerNoise)
    lastUpdate = memory.lastUpdate
    clip = SavedState(tags.clip, memory.policy.clip)
    var rest = memory.policy
    rest.clip = .none
    guardian = SavedState(StepPolicy.guardTag, rest)
    rate = SavedState(tags.rate, memory.rates)
    batch = SavedState(tags.batch, memory.globalBatch)
    stop = SavedState(tags.stop, memory.stop)
    optimizer = SavedState(
      tags.optimizer,
      OptimizerState(steps: optimizerSteps, distance: memory.distance, idle: idleSteps))
  }

  /// The kinds that a trainer's states belong to.
  package struct Tags: Equatable {
    var clip, rate, batch, stop, optimizer: StateTag

    package init(_ settings: TrainerSettings) {
      clip = settings.clipTag
      rate = settings.rateRule.stateTag
      // A measured batch follows from the samples: it has no state.
      let grows = settings.batchGrowth.map { $0.measured == nil } ?? false
      batch = StateTag(grows ? "noise-scale" : "constant")
      stop = settings.stop.stateTag
      optimizer = StateTag(type(of: settings.optimizer).kind)
    }

    /// Of settings that nothing is known of: they fit no other.
    static var unknown: Tags { Tags() }

    private init() {
      let tag = StateTag("unknown")
      (clip, rate, batch, stop, optimizer) = (tag, tag, tag, tag, tag)
    }
  }

  /// How many of the optimiser's steps passed each tensor over, where its state is taken over.
  package func idleSteps(for settings: TrainerSettings) -> [Int]? {
    optimizer.state(for: Tags(settings).optimizer)?.idle
  }

  /// The memory for a trainer: of each part the saved state, or a fresh one where another kind
  /// made it, which `notes` says.
  package func memory(for settings: TrainerSettings) -> (
    memory: Trainer.Memory, optimizerSteps: Int?, notes: [String]
  ) {
    let tags = Tags(settings)
    var notes: [String] = []
    func taken<State>(_ saved: SavedState<State>, _ tag: StateTag, key: String) -> State? {
      let state = saved.state(for: tag)
      if state == nil, !["none", "constant", "sgd"].contains(saved.kind) {
        let what = saved.kind == tag.kind ? "with other settings" : "of \(saved.kind)"
        notes.append("\(key): the state \(what) is not taken over, \(tag.kind) starts afresh")
      }
      return state
    }
    var memory = Trainer.Memory(globalBatch: settings.training.globalBatch)
    (memory.cursor, memory.noise, memory.lastUpdate) = (cursor, noise, lastUpdate)
    memory.layerNoise = layerNoise
    memory.policy = guardian.state(for: StepPolicy.guardTag) ?? StepPolicy.Memory()
    memory.policy.clip = taken(clip, tags.clip, key: "clip.rule") ?? .none
    memory.rates = taken(rate, tags.rate, key: "schedule.kind") ?? .none
    memory.stop = taken(stop, tags.stop, key: "stop.rule") ?? .none
    if let size = taken(batch, tags.batch, key: "schedule.batch"),
      let growth = settings.batchGrowth
    {
      memory.globalBatch = min(max(size, memory.globalBatch), growth.largest)
    }
    let own = taken(optimizer, tags.optimizer, key: "optimizer.kind")
    if let own { memory.distance = own.distance }
    return (memory, own?.steps, notes)
  }
}

extension TrainerSettings {
  /// What a checkpoint knows the clip rule's state by. Norms of another vector, or of
  /// other sets of tensors, are another memory.
  package var clipTag: StateTag {
    var tag = clip.stateTag
    if !clip.isStateless, clipTarget == .update { tag.settings.append("of = update") }
    if !clip.isStateless, groups.contains(where: { $0.rate == 0 || $0.clip == .own }) {
      let parts = groups.map { "\($0.match) \($0.rate == 0 ? "frozen" : $0.clip.rawValue)" }
      tag.settings.append("groups = \(parts.joined(separator: ", "))")
    }
    return tag
  }
}
