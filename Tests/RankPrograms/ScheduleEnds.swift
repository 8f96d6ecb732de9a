import Configuration
import Glibc
import GradientNorms
import MPI
import Reports
import Training
import Vectors

/// A cosine reaches its final rate at the last step and only there, however the batch grows,
/// resumed or not (B7); a skipped step records the rate that it would have had (B8). Argument: a
/// directory with `test.toml`.
let scheduleEndsProgram = RankProgram("schedule-ends") { world, arguments in
  let folder = arguments[0]
  func options(_ directory: String, _ keys: [String], resume: Bool = false) -> RunOptions {
    RunOptions(
      experiment: folder + "/test.toml", overrides: keys, output: directory, resume: resume,
      voice: .quiet)
  }
  /// Every step's rate and samples.
  func train(_ run: Run, on part: borrowing Communicator) throws -> (
    rates: [Double], samples: [Double]
  ) {
    var (rates, samples): ([Double], [Double]) = ([], [])
    while !run.trainer.isDone {
      let outcome = try run.trainer.step(on: part)
      rates.append(outcome.learningRate)
      samples.append(outcome.ledger.samples)
    }
    return (rates, samples)
  }
  let growing = "schedule.batch=noise-scale"
  let lengths: [(keys: [String], grows: Bool)] = [
    (["training.steps=120", "training.global_batch=32", growing], true),
    (["training.epochs=8", "training.global_batch=20", growing, "schedule.max_batch=325"], true),
    // Batches of 300 and 650: after 950 of 1000 samples an epoch has one more step.
    (["training.epochs=10", "training.global_batch=300", growing, "schedule.max_batch=650"], true),
    (
      ["training.epochs=10", "training.global_batch=300", growing, "schedule.max_batch=300"], false
    ),
    (["training.epochs=3", "training.global_batch=2000", growing], false),
  ]
  try onRanks([2], of: world) { part in
    for (index, (keys, grows)) in lengths.enumerated() {
      let run = try Run(options("\(folder)/rates-\(index)", keys), on: part)
      let (rates, samples) = try train(run, on: part)
      try expect(
        rates.first == 0.1 && rates.last == 0.002,
        "\(keys): from \(rates.first ?? 0) to \(rates.last ?? 0)")
      try expect(
        rates.dropLast().allSatisfy { $0 > 0.002 },
        "\(keys): the final rate before the last step: \(rates)")
      try expect(
        zip(rates, rates.dropFirst()).allSatisfy { $0 > $1 },
        "\(keys): a cosine that does not fall: \(rates)")
      // Epochs' last batches are short; others never shrink.
      try expect((samples.max()! > samples[0]) == grows, "\(keys): batches \(samples)")
      if !grows {
        // The constant batch's schedule is a function of the step alone.
        let last = Double(rates.count - 1)
        for (step, rate) in rates.enumerated() {
          let exact = 0.002 + 0.098 * 0.5 * (1 + cos(Double.pi * Double(step) / last))
          try expect(
            abs(rate - exact) < 1e-15, "\(keys): \(rate) at step \(step + 1), not \(exact)")
        }
      }
    }
    for (index, (keys, _)) in lengths.prefix(2).enumerated() {
      let whole = "\(folder)/whole-\(index)"
      let run = try Run(options(whole, keys), on: part)
      try expect(try run.train(on: part) == .done, "\(keys): the run did not end")
      // From the newest checkpoint that is at least five steps before the end.
      let steps = run.trainer.stepsDone
      let from = (steps - 5) / 5 * 5
      let later = (from + 1...steps).filter { $0 % 5 == 0 || $0 == steps }.map {
        "checkpoints/step-" + String(String(100_000_000 + $0).dropFirst())
      }
      try part.copy(
        whole, to: whole + "-resumed", without: later + ["report.json", "final.safetensors"])
      let resumed = try Run(options(whole + "-resumed", keys, resume: true), on: part)
      try expect(
        resumed.trainer.stepsDone == from,
        "\(keys): resumed after step \(resumed.trainer.stepsDone)")
      let (rates, _) = try train(resumed, on: part)
      try expect(rates.count == steps - from && rates.last == 0.002, "\(keys): resumed to \(rates)")
      try expect(
        rates.dropLast().allSatisfy { $0 > 0.002 },
        "\(keys): resumed to the final rate before the last step: \(rates)")
      try expect(
        resumed.trainer.weights.digest() == run.trainer.weights.digest(),
        "\(keys): resumed to other weights")
    }
    // B8: the rate of a step that is skipped.
    let rules: [(keys: [String], rate: (Int) -> Double)] = [
      (
        ["schedule.kind=cosine"],
        { 0.002 + 0.098 * 0.5 * (1 + cos(Double.pi * Double($0 - 1) / 19)) }
      ),
      (["schedule.kind=warmup", "schedule.warmup_steps=10"], { 0.1 * min(1, Double($0) / 10) }),
      // No norm falls by 90 %: the rate halves at every third step.
      (
        ["schedule.kind=plateau-on-norm", "schedule.patience=1", "schedule.threshold=0.9"],
        { _ in .nan }
      ),
      (
        ["optimizer.kind=dog", "schedule.kind=constant", "optimizer.learning_rate=1"], { _ in .nan }
      ),
    ]
    for (keys, rate) in rules {
      let run = try Run(
        options(
          "\(folder)/skip-\(keys[0])", keys + ["training.steps=20", "training.global_batch=32"]),
        on: part)
      run.trainer.faults.changeGradient = { gradient, step in
        var elements = gradient.mutableElements
        if step == 1 || step == 9 || step == 10 { elements[0] = .nan }
      }
      var before = 0.0
      for step in 1...12 {
        let outcome = try run.trainer.step(on: part)
        try expect(
          outcome.decision.isSkip == [1, 9, 10].contains(step),
          "\(keys): step \(step) is \(outcome.decision.action)")
        let exact = rate(step)
        if exact.isFinite {
          try expect(
            abs(outcome.learningRate - exact) < 1e-15,
            "\(keys): step \(step) records \(outcome.learningRate), not \(exact)")
        } else if outcome.decision.isSkip && step > 1 {
          try expect(
            outcome.learningRate == before,
            "\(keys): step \(step) records \(outcome.learningRate) after \(before)")
        }
        before = outcome.learningRate
      }
    }
  }
}
