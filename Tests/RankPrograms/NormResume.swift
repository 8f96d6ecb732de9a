import Configuration
import GradientReduction
import GradientNorms
import MPI
import Models
import Recording
import Reports
import Training
import Vectors

/// Every rule that remembers: a run resumed from a checkpoint against the one that was never
/// interrupted. Argument: a directory with `test.toml`.
let normResumeProgram = RankProgram("norm-resume") { world, arguments in
  let folder = arguments[0]
  let cases = [
    ["clip.rule=percentile", "clip.window=7", "guard.spike=100"],
    ["clip.rule=zscore", "clip.warmup_steps=5"],
    ["clip.rule=sigma", "clip.window=12", "clip.sigma_factor=0.5"],
    ["clip.rule=ema", "training.reproducible=true"],
    ["schedule.kind=plateau-on-norm", "schedule.patience=3", "training.gradient=replicated"],
    ["schedule.kind=adascale", "schedule.base_batch=4"],
    ["schedule.kind=warmup-on-norm", "schedule.warmup_steps=30"],
    ["optimizer.kind=dog", "optimizer.learning_rate=1"],
    ["optimizer.kind=lars", "optimizer.learning_rate=0.3"],
    ["optimizer.kind=lamb", "training.gradient=replicated"],
    ["optimizer.kind=muon", "clip.rule=global", "clip.max_norm=0.3"],
    ["schedule.batch=noise-scale", "training.global_batch=12"],
    ["clip.rule=global", "clip.scope=worker", "clip.max_norm=0.3", "report.every=4"],
    ["clip.rule=global", "clip.scope=sample", "clip.max_norm=0.3", "report.every=4"],
    ["clip.rule=global", "clip.scope=bound"],
    ["regularization.sam_radius=0.1", "regularization.l1=0.001"],
    ["report.noise_layers=true"],
  ]
  let file = folder + "/test.toml"
  var all = cases.enumerated().map { index, overrides in
    Case(overrides.joined(separator: " "), ranks: 3) { part in
      // Tests read the records of this one.
      let name = overrides == ["report.noise_layers=true"] ? "noise-layers" : "\(index)"
      let whole = "\(folder)/run-\(name)"
      let run = try Run(quietOptions(file, overrides, output: whole), on: part)
      try expect(try run.train(on: part) == .done, "the run did not end")
      let resumed = try resume(
        whole, as: whole + "-resumed", without: [60], file, overrides, on: part)
      try expect(
        resumed.trainer.stepsDone == 40, "resumed after step \(resumed.trainer.stepsDone), not 40")
      try expect(try resumed.train(on: part) == .done, "the resumed run did not end")
      try expect(
        resumed.trainer.fingerprint == run.trainer.fingerprint, "this rank ends with other bits")
      let (memory, truth) = (try resumed.trainer.decisionMemory(), try run.trainer.decisionMemory())
      try expect(memory == truth, "the memory is \(memory), not \(truth)")
    }
  }
  // DoG measures from where the weights start, also where a file gives them.
  all.append(
    Case("DoG from a file of weights", ranks: 3) { part in
      let started = try Run(
        quietOptions(
          file,
          [
            "optimizer.kind=dog", "optimizer.learning_rate=1",
            "model.init=\"\(folder)/run-0/final.safetensors\"",
          ],
          output: "\(folder)/started"),
        on: part)
      let squares = started.trainer.model.layout.segments.reduce(0.0) { sum, segment in
        started.trainer.weights[segment.name]!.reduce(sum) { $0 + Double($1) * Double($1) }
      }
      let outcome = try started.trainer.step(on: part)
      try expect(
        outcome.ledger[.squaredDistance] == 0,
        "the start is \(outcome.ledger[.squaredDistance].squareRoot()) from itself")
      try expectClose(
        outcome.learningRate,
        1e-6 * (1 + squares.squareRoot()) / (outcome.ledger.squaredNorm + 1e-8).squareRoot(), 1e-9,
        "DoG's first rate")
    })
  try run(all, on: world)
}
