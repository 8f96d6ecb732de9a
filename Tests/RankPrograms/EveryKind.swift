import ExperimentKeys
import FoundationEssentials
import GradientNorms
import GradientReduction
import MPI
import Models
import Optimizers
import Training

/// Every kind of clip rule, stop rule, rate rule, schedule, optimiser and loss that is registered:
/// it trains, saves and resumes to the same bits at 1, 2 and 3 ranks, and reproducibly with equal
/// bits at all.
///
/// A new kind takes part by being registered. Argument: an empty directory. Prints a line
/// `kind KEY=NAME` for each.
let everyKindProgram = RankProgram("every-kind") { world, arguments in
  setComputeThreads(1)
  let file = arguments[0] + "/experiment.toml"
  try world.succeedOnAllRanks {
    if world.rank == 0 { try experiment.write(toFile: file, atomically: true, encoding: .utf8) }
  }
  let cases = choices.map { choice in
    Case(choice, ranks: 3) { world in
      var reference: String?
      try onRanks([1, 2, 3], of: world) { part in
        for mode in ["messages", "reproducible"] {
          let digest = try resumeToTheSameBits(
            file, mode, [choice] + (extra[choice] ?? []),
            directory: "\(arguments[0])/\(choice)-\(mode)-\(part.size)", on: part)
          guard mode == "reproducible", part.rank == 0 else { continue }
          try expect(
            digest == reference ?? digest, "other bits on \(part.size) ranks than on fewer")
          reference = digest
        }
      }
      if world.rank == 0 { print("kind", choice) }
    }
  }
  try run(cases, on: world)
}

private let choices: [String] = {
  let registry = Registry()
  func keys<List: KindList>(_ key: String, _ list: List.Type) -> [String] {
    registry.all(list).map { "\(key)=\(List.name(of: $0))" }
  }
  return keys("clip.rule", ClipRules.self) + keys("stop.rule", StopRules.self)
    + keys("schedule.kind", Schedules.self) + keys("schedule.kind", RateRules.self)
    + keys("optimizer.kind", OptimizerRules.self) + keys("model.loss", Losses.self)
}()

/// Keys that a kind needs, or by which it acts within the six steps where its defaults let it act
/// later.
private let extra = [
  "clip.rule=global": ["clip.max_norm=0.3"],
  "clip.rule=percentile": ["clip.percentile=30", "clip.window=4"],
  "clip.rule=zscore": ["clip.warmup_steps=2", "clip.threshold=0.1"],
  "clip.rule=adagc": ["clip.warmup_steps=2"],
  "clip.rule=quantile": ["clip.quantile=0.3", "clip.rate=1"],
  "clip.rule=rms": ["clip.max_rms=0.01"],
  "clip.rule=spam": [
    "optimizer.kind=adamw", "clip.threshold=0.5", "clip.reset_every=4", "clip.warmup_steps=1",
    "clip.settle_steps=1",
  ],
  "clip.rule=stable-spam": [
    "optimizer.kind=adamw", "clip.memory=0.5", "clip.square_memory=0.9", "clip.reset_every=4",
  ],
  "clip.rule=sigma": ["clip.window=2", "clip.sigma_factor=0.01"],
  "stop.rule=norm": ["stop.below=1e-9"],
  "model.loss=cross-entropy": ["model.label_smoothing=0.1"],
  "model.loss=huber": ["model.huber_delta=0.1"],
  "model.loss=binary-cross-entropy": ["data.classes=2"],
  "schedule.kind=warmup": ["schedule.warmup_steps=4"],
  "schedule.kind=warmup-cosine": ["schedule.warmup_steps=2"],
]

private let experiment = """
  [model]
  hidden = [8]
  [data]
  kind = "blobs"
  samples = 60
  classes = 4
  dimensions = 9
  [training]
  global_batch = 13
  micro_batch = 3
  steps = 6
  [optimizer]
  kind = "momentum"
  [checkpoint]
  every = 3
  """
