import Configuration
import GradientNorms
import RankTesting
import Recording
import Reports
import TensorFiles
import Testing

/// `lockstep report --what-if` on runs made with the rule that is replayed: the norms in
/// `metrics.jsonl` give the coefficients of the run.
@Suite struct WhatIfRunTests {
  private static let experiment = """
    [model]
    hidden = [7]
    [data]
    kind = "blobs"
    samples = 90
    classes = 4
    dimensions = 6
    [training]
    global_batch = 15
    micro_batch = 4
    steps = 40
    [optimizer]
    kind = "adamw"
    learning_rate = 0.05
    """

  @Test(arguments: [
    ["clip.rule=global", "clip.max_norm=0.3"], ["clip.rule=per-layer", "clip.max_norm=0.4"],
    ["clip.rule=per-layer", "clip.max_norm=0.4", "clip.budget=size"],
    ["clip.rule=percentile", "clip.percentile=30", "clip.window=9"],
    ["clip.rule=zscore", "clip.warmup_steps=4", "clip.threshold=0.5"],
    ["clip.rule=normalize", "clip.max_norm=0.7"], ["clip.rule=ema", "clip.ratio=0.9"],
    ["clip.rule=adagc", "clip.warmup_steps=6", "clip.max_norm=0.4"], ["clip.rule=quantile"],
    ["clip.rule=rms", "clip.max_rms=0.1"],
    ["clip.rule=sigma", "clip.window=6", "clip.sigma_factor=0.5"],
    ["clip.rule=quantile", "clip.of=update"],
    ["clip.rule=adagc", "clip.of=update", "clip.warmup_steps=6"],
    ["clip.rule=per-layer", "clip.of=update", "clip.max_norm=2", "clip.budget=size"],
  ])
  func theRecordedNormsGiveTheRunsCoefficients(_ overrides: [String]) throws {
    let folder = TemporaryFolder()
    let file = folder.write(Self.experiment, to: "x.toml")
    let run = folder.path("run")
    let outcome = try Programs.mpirun(
      2, [file, "--output", run] + overrides.flatMap { ["--set", $0] }, program: "lockstep-worker")
    try #require(outcome.status == 0, "\(outcome.errors)")

    let rule = try Experiment(contentsOf: file, overrides: overrides).clip
    let tensors = try SafeTensors(path: run + "/final.safetensors").tensors
    let norms = try RecordedNorms(
      path: run + "/metrics.jsonl",
      elements: Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0.elementCount) }))
    let replay = ClipReplay(of: rule, on: norms.series(of: norms.target), sizes: norms.sizes)

    var records: [StepRecord] = []
    try StepRecord.read(path: run + "/metrics.jsonl") { records.append($0) }
    #expect(records.count == 40 && replay.steps == 40)
    for (record, coefficient) in zip(records, replay.coefficients) {
      let (before, applied) =
        record.norm.update.map { ($0.norm!, $0.applied!) }
        ?? (record.norm.global!, record.norm.applied!)
      #expect(abs(applied / before - coefficient) < 1e-9, "step \(record.step)")
    }
    #expect(replay.clipped == records.count { $0.action == .clip } && replay.clipped > 0)
    // The table's first row says the same of the run itself.
    #expect(abs(norms.meanCoefficient! - replay.meanCoefficient!) < 1e-9)
  }
}
