import Configuration
import Data
import FoundationEssentials
import GradientNorms
import GradientReduction
import MPI
import Models
import Recording
import Reports
import Training
import Vectors

/// Images that are changed at random when they are trained on: the same bits at any number of
/// ranks. Argument: a directory of IDX files, of 50 images to train on, with a folder `pictures` of
/// PNG files; runs are written into it.
let bitsAugmentedProgram = RankProgram("bits-augmented") { world, arguments in
  setComputeThreads(1)
  let folder = arguments[0]
  // Three steps an epoch.
  let text = """
    [model]
    kind = "cnn"
    channels = [5]
    width = 9
    [data]
    kind = "idx"
    path = "\(folder)"
    augment = { shift = 2, flip = true, crop = 0.8 }
    [training]
    global_batch = 22
    micro_batch = 3
    steps = 8
    reproducible = true
    [checkpoint]
    every = 4
    """
  let cases = [
    Case("at every rank count", ranks: 4) { part in
      _ = try compareBits(text, [], at: [1, 2, 3, 4], of: part)
      _ = try compareBits(text, ["regularization.sam_radius=0.05"], at: [1, 3], of: part)
    },
    Case("a folder of pictures", ranks: 4) { part in
      let keys = ["kind=image-folder", "path=\(folder)/pictures", "augment.shift=1"]
      _ = try compareBits(text, keys.map { "data." + $0 }, at: [1, 2, 4], of: part)
    },
    Case("after a resume within an epoch", ranks: 4) { part in
      try resumeWithinAnEpoch(text, in: folder, on: part)
    },
    Case("an epoch changes images in another way", ranks: 2) { part in
      // The batch is the training set, which the first two steps see whole.
      let keys = ["training.global_batch=50", "optimizer.learning_rate=1e-30"]
      let augmented = try trainer(text, keys, on: part)
      let first = try augmented.step(on: part).ledger.squaredNorm
      try expect(
        try augmented.step(on: part).ledger.squaredNorm != first, "two epochs have one gradient")
      let plain = try trainer(
        text, keys + ["data.augment={}", "data.order=sequential"], on: part)
      let sum = try plain.step(on: part).ledger.squaredNorm
      try expect(sum != first, "the images of a step are as they were")
    },
    Case("what is evaluated is not changed", ranks: 3) { part in
      let keys = ["evaluation.split=0.3"]
      let augmented = try trainer(text, keys, on: part)
      let plain = try trainer(text, keys + ["data.augment={}"], on: part)
      for _ in 0..<2 {
        let (mine, other) = (try augmented.evaluate(on: part), try plain.evaluate(on: part))
        try expect(mine.loss == other.loss, "\(mine.loss) and \(other.loss) on the test set")
        let (held, apart) = (
          try augmented.evaluateHeldOut(on: part), try plain.evaluateHeldOut(on: part)
        )
        try expect(held != nil && held?.loss == apart?.loss, "held-out rows are changed")
      }
    },
  ]
  try run(cases, on: world)
}

/// A run on three ranks, and the same resumed after its step 4, the first of an epoch, on others.
/// Collective.
private func resumeWithinAnEpoch(
  _ text: String, in folder: String, on world: borrowing Communicator
) throws {
  let file = folder + "/test.toml"
  try world.succeedOnAllRanks {
    if world.rank == 0 { try text.write(toFile: file, atomically: true, encoding: .utf8) }
  }
  var fingerprint: UInt64?
  func train(_ run: Run, _ part: borrowing Communicator) throws {
    try expect(try run.train(on: part) == .done, "the run did not end")
    let mine = run.trainer.weights.fingerprint()
    // Rank 0 is in every part.
    try expect(
      part.rank > 0 || fingerprint == nil || fingerprint == mine,
      "the resumed run on \(part.size) ranks ends with other bits")
    fingerprint = mine
  }
  try onRanks([3], of: world) { part in
    try train(Run(quietOptions(file, [], output: folder + "/whole"), on: part), part)
  }
  try onRanks([1, 2, 3, 4], of: world) { part in
    let run = try resume(
      folder + "/whole", as: "\(folder)/on-\(part.size)", without: [8], file, [], on: part)
    try expect(run.trainer.stepsDone == 4, "resumed after step \(run.trainer.stepsDone)")
    try train(run, part)
  }
}
