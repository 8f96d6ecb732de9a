import Configuration
import Glibc
import GradientNorms
import MPI
import Recording
import Reports
import Training
import Vectors

/// A cosine reaches its final rate at the last step and only there, however the batch grows,
/// resumed or not (B7); a skipped step records the rate that it would have had (B8). Argument: a
/// directory with `test.toml`.
let scheduleEndsProgram = RankProgram("schedule-ends") { world, arguments in
  let folder = arguments[0]
  let file = folder + "/test.toml"
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
  var cases: [Case] = []
  for (index, (keys, grows)) in lengths.enumerated() {
    let name = keys.joined(separator: " ")
    cases.append(
      Case(name, ranks: 2) { part in
        let run = try Run(quietOptions(file, keys, output: "\(folder)/rates-\(index)"), on: part)
        let (rates, samples) = try train(run, on: part)
        try expect(
          rates.first == 0.1 && rates.last == 0.002,
          "from \(rates.first ?? 0) to \(rates.last ?? 0)")
        try expect(
          rates.dropLast().allSatisfy { $0 > 0.002 },
          "the final rate before the last step: \(rates)")
        try expect(
          zip(rates, rates.dropFirst()).allSatisfy { $0 > $1 },
          "a cosine that does not fall: \(rates)")
        // Epochs' last batches are short; others never shrink.
        try expect((samples.max()! > samples[0]) == grows, "batches \(samples)")
        if !grows {
          // The constant batch's schedule is a function of the step alone.
          let last = Double(rates.count - 1)
          for (step, rate) in rates.enumerated() {
            let exact = 0.002 + 0.098 * 0.5 * (1 + cos(Double.pi * Double(step) / last))
            try expect(
              abs(rate - exact) < 1e-15, "\(rate) at step \(step + 1), not \(exact)")
          }
        }
      })
    guard index < 2 else { continue }
    cases.append(
      Case(name + ", resumed", ranks: 2) { part in
        let whole = "\(folder)/whole-\(index)"
        let run = try Run(quietOptions(file, keys, output: whole), on: part)
        try expect(try run.train(on: part) == .done, "the run did not end")
        // From the newest checkpoint that is at least five steps before the end.
        let steps = run.trainer.stepsDone
        let from = (steps - 5) / 5 * 5
        let later = (from + 1...steps).filter { $0 % 5 == 0 || $0 == steps }
        let resumed = try resume(
          whole, as: whole + "-resumed", without: later, file, keys, on: part)
        try expect(
          resumed.trainer.stepsDone == from,
          "resumed after step \(resumed.trainer.stepsDone)")
        let (rates, _) = try train(resumed, on: part)
        try expect(rates.count == steps - from && rates.last == 0.002, "resumed to \(rates)")
        try expect(
          rates.dropLast().allSatisfy { $0 > 0.002 },
          "resumed to the final rate before the last step: \(rates)")
        try expect(
          resumed.trainer.weights.digest() == run.trainer.weights.digest(),
          "resumed to other weights")
      })
  }
  // A measured batch, which only rank 0 has read; rates by samples, times the batch's ratio.
  let measured = [
    "training.steps=40", "training.global_batch=20", "schedule.batch=critical",
    "checkpoint.keep=9",
  ]
  cases.append(
    Case("measured batches", ranks: 2) { part in
      let own = part.rank == 0 ? "[[400, 30], [200, 60]]" : "/nowhere/critical-batch.json"
      let keys = measured + ["schedule.critical=\(own)"]
      let whole = "\(folder)/measured"
      let run = try Run(quietOptions(file, keys, output: whole), on: part)
      try expect(run.trainer.totalSteps == 40, "\(run.trainer.totalSteps) steps")
      let (rates, samples) = try train(run, on: part)
      let batches =
        [Double](repeating: 20, count: 10) + [Double](repeating: 60, count: 4)
        + [Double](repeating: 30, count: 12)
      try expect(samples == batches, "batches \(samples)")
      var done = 0.0
      for (index, batch) in batches.enumerated() {
        done += batch
        let cosine = cos(Double.pi * (done / 20 - 1) / 39)
        let exact = (0.002 + 0.098 * 0.5 * (1 + cosine)) * batch / 20
        try expect(
          isClose(rates[index], exact, 1e-12), "\(rates[index]) at \(index), not \(exact)")
      }
    })
  cases.append(
    Case("measured batches, resumed", ranks: 2) { part in
      let keys = measured + ["schedule.critical=[[200, 60], [400, 30]]"]
      let whole = "\(folder)/measured-whole"
      let run = try Run(quietOptions(file, keys, output: whole), on: part)
      try expect(try run.train(on: part) == .done, "the run did not end")
      try expect(run.trainer.stepsDone == 26, "\(run.trainer.stepsDone) steps")
      let resumed = try resume(
        whole, as: whole + "-resumed", without: [15, 20, 25, 26], file, keys, on: part)
      try expect(resumed.trainer.stepsDone == 10, "resumed after \(resumed.trainer.stepsDone)")
      let (_, samples) = try train(resumed, on: part)
      try expect(samples.first == 60 && samples.count == 16, "resumed with \(samples)")
      try expect(
        resumed.trainer.weights.digest() == run.trainer.weights.digest(), "other weights")
    })
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
    cases.append(
      Case("skips, " + keys.joined(separator: " "), ranks: 2) { part in
        let run = try Run(
          quietOptions(
            file, keys + ["training.steps=20", "training.global_batch=32"],
            output: "\(folder)/skip-\(keys[0])"),
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
            "step \(step) is \(outcome.decision.action)")
          let exact = rate(step)
          if exact.isFinite {
            try expect(
              abs(outcome.learningRate - exact) < 1e-15,
              "step \(step) records \(outcome.learningRate), not \(exact)")
          } else if outcome.decision.isSkip && step > 1 {
            try expect(
              outcome.learningRate == before,
              "step \(step) records \(outcome.learningRate) after \(before)")
          }
          before = outcome.learningRate
        }
      })
  }
  try run(cases, on: world)
}
