import Configuration
import GradientReduction
import FoundationEssentials
import Glibc
import MPI
import Recording
import Reports
import Training

/// The status this process ends with.
nonisolated(unsafe) var exitStatus: Int32 = 0

/// Runs that are resumed from a checkpoint against the run that was never interrupted. Argument: a
/// directory with `test.toml`.
///
/// Leaves, for each exchange and rule, the run directories `EXCHANGE-RULE` and
/// `EXCHANGE-RULE-resumed`, whose records tests compare.
let resumeProgram = RankProgram("resume") { world, arguments in
  let folder = arguments[0]
  let file = folder + "/test.toml"
  var cases: [Case] = []
  for exchange in exchanges {
    for rule in ["momentum", "adamw"] {
      cases.append(
        Case("\(exchange.name) \(rule)", ranks: 4) { part in
          try resumeEverywhere(
            file, exchange.keys + ["optimizer.kind=\(rule)"], "\(folder)/\(exchange.name)-\(rule)",
            on: part)
        })
    }
  }
  // The checkpoints of `shared adamw`, above.
  cases.append(
    Case("damaged checkpoints", ranks: 2) { part in
      try passesOverDamage(
        folder,
        quietOptions(
          file, ["optimizer.kind=adamw"], output: "\(folder)/shared-adamw-damaged", resume: true),
        on: part)
    })
  try run(cases, on: world)
}

/// Runs to the end on three ranks, then again from a checkpoint, on three and on other numbers of
/// ranks. Collective.
private func resumeEverywhere(
  _ file: String, _ overrides: [String], _ whole: String, on world: borrowing Communicator
) throws {
  var fingerprint = ""
  var loss = 0.0
  try onRanks([3], of: world) { part in
    let run = try Run(quietOptions(file, overrides, output: whole), on: part)
    try expect(try run.train(on: part) == .done, "the run did not end")
    fingerprint = run.trainer.fingerprint
  }
  try onRanks([3], of: world) { part in
    // Stopped by force after step 20: the records reach step 30, the last checkpoint left is the
    // second.
    let run = try resume(
      whole, as: whole + "-resumed", without: [30], file, overrides, on: part)
    try expect(run.trainer.stepsDone == 20, "resumed after step \(run.trainer.stepsDone), not 20")
    try expect(try run.train(on: part) == .done, "the resumed run did not end")
    try expect(run.trainer.fingerprint == fingerprint, "this rank ends with other bits")
    loss = try run.trainer.evaluate(on: part).loss
  }
  loss = try world.allReduce(loss, .maximum)
  try onRanks([1, 2, 4], of: world) { part in
    let run = try resume(
      whole, as: "\(whole)-on-\(part.size)", without: [30], file, overrides, on: part)
    try expect(try run.train(on: part) == .done, "the run on \(part.size) ranks did not end")
    let other = try run.trainer.evaluate(on: part).loss
    try expect(
      isClose(other, loss, 1e-4), "the loss is \(other) on \(part.size) ranks, \(loss) on three")
    try part.expectEqual(run.trainer.weights.digest(), "the weights on \(part.size) ranks")
  }
}

/// The newest checkpoint damaged in every way: the run resumes from the one before.
private func passesOverDamage(
  _ folder: String, _ options: RunOptions, on world: borrowing Communicator
) throws {
  let source = folder + "/shared-adamw"
  func restored(_ name: String, _ damage: (inout Data) -> Void) throws -> Int {
    let directory = options.output!
    try world.copy(source, to: directory, without: [])
    try world.succeedOnAllRanks {
      guard world.rank == 0 else { return }
      let file = URL(filePath: "\(directory)/checkpoints/step-00000030/\(name)")
      var bytes = try Data(contentsOf: file)
      damage(&bytes)
      try bytes.write(to: file)
    }
    return try Run(options, on: world).trainer.stepsDone
  }
  try expect(try restored("state.json") { _ in } == 30, "an undamaged checkpoint is passed over")
  for name in ["model.safetensors", "optimizer.safetensors", "state.json"] {
    let size = try Data(contentsOf: URL(filePath: "\(source)/checkpoints/step-00000030/\(name)"))
      .count
    for index in 0..<24 {
      let place = index == 23 ? size - 1 : index * size / 23
      let step = try restored(name) { $0[place] ^= index % 2 == 0 ? 1 : 0x80 }
      try expect(step == 20, "byte \(place) of \(name) flipped: resumed after step \(step)")
    }
    for length in [0, 1, size / 2, size - 1] {
      let step = try restored(name) { $0 = $0.prefix(length) }
      try expect(step == 20, "\(name) cut to \(length) bytes: resumed after step \(step)")
    }
    try expect(
      try restored(name) { $0.append(0) } == 20, "a byte after the end of \(name) is not noticed")
  }
  // Both files whole, each of another step.
  let other = try Data(
    contentsOf: URL(filePath: "\(source)/checkpoints/step-00000020/model.safetensors"))
  try expect(
    try restored("model.safetensors") { $0 = other } == 20,
    "the model of another step is not noticed")
  let state = try Data(contentsOf: URL(filePath: "\(source)/checkpoints/step-00000020/state.json"))
  try expect(
    try restored("state.json") { $0 = state } == 20, "the state of another step is not noticed")
  // Trained on from 20: the damaged checkpoint of step 30 is replaced, and all that are left can be
  // read.
  _ = try restored("model.safetensors") { $0[99] ^= 1 }
  try expect(try Run(options, on: world).train(on: world) == .done, "the run did not end")
  try expect(
    try Run(options, on: world).trainer.stepsDone == 30, "the replaced checkpoint cannot be read")
}

extension Communicator {
  /// Copies a directory at rank 0, leaving some entries out; what was at the target is gone.
  /// Collective.
  borrowing func copy(_ source: String, to target: String, without left: [String]) throws {
    try succeedOnAllRanks {
      guard rank == 0 else { return }
      try? FileManager.default.removeItem(atPath: target)
      try FileManager.default.copyItem(atPath: source, toPath: target)
      for name in left { try FileManager.default.removeItem(atPath: "\(target)/\(name)") }
    }
  }
}

/// A run in which rank 2 gets USR1 during step 4 and rank 1 USR2 during step 7. Argument: a
/// directory with `test.toml`.
let stopProgram = RankProgram("stop") { world, arguments in
  let run = try Run(
    RunOptions(experiment: arguments[0] + "/test.toml", output: arguments[0] + "/run"), on: world)
  let rank = world.rank
  run.trainer.faults.changeGradient = { _, step in
    if rank == 2 && step == 4 { raise(SIGUSR1) }
    if rank == 1 && step == 7 { raise(SIGUSR2) }
  }
  let code = try run.train(on: world)
  try expect(code == .stopped, "rank \(rank) ended with \(code)")
  try expect(run.trainer.stepsDone == 7, "rank \(rank) stopped after step \(run.trainer.stepsDone)")
  exitStatus = code.rawValue
}
