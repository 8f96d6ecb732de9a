import FoundationEssentials
import GradientReduction
import MPI
import Models
import Reports
import Training

/// A network with all that may depend on how a batch is divided: batch statistics, of pixels and of
/// single values, dropout, and a residual branch; on images changed at random, with a running mean
/// of the weights.
private let network = """
  layers=[{ kind = "conv", channels = 5, padding = 1, bias = false }, { kind = "batch-norm" }, { kind = "relu" }, \
  { kind = "residual", layers = [{ kind = "conv", channels = 5, padding = 1 }, { kind = "batch-norm" }, { kind = "dropout", rate = 0.2 }] }, \
  { kind = "max-pool" }, { kind = "flatten" }, { kind = "dense", width = 7, bias = false }, { kind = "batch-norm" }, { kind = "gelu" }, { kind = "dense" }]
  """

/// Trains the network at 1, 2, 3, 4 and 8 ranks, with each exchange; then a run on three ranks, and
/// the same resumed within its second epoch on other numbers of ranks. Arguments: a directory with
/// IDX files of 50 samples, and one which gets `whole` and `on-N`.
let bitsNetworkProgram = RankProgram("bits-network") { world, arguments in
  setComputeThreads(1)
  let (data, folder) = (arguments[0], arguments[1])
  let text = """
    [model]
    kind = "network"
    [data]
    kind = "idx"
    path = "\(data)"
    augment = { shift = 2, flip = true, crop = 0.8 }
    [training]
    global_batch = 16
    micro_batch = 3
    steps = 14
    reproducible = true
    [optimizer]
    kind = "adamw"
    learning_rate = 0.02
    [clip]
    rule = "global"
    max_norm = 0.3
    [evaluation]
    split = 0.2
    average = 0.8
    every = 2
    patience = 3
    best = true
    [checkpoint]
    every = 4
    keep = 9
    """
  let keys = ["model." + network]
  try run(
    [
      Case("the same bits at every rank count", ranks: 8) {
        _ = try compareBits(text, keys, at: [1, 2, 3, 4, 8], of: $0)
      }
    ], on: world)
  let file = folder + "/test.toml"
  try world.succeedOnAllRanks {
    if world.rank == 0 { try text.write(toFile: file, atomically: true, encoding: .utf8) }
  }
  // Known at rank 0, which copies.
  var last = 0
  try onRanks([3], of: world) { part in
    let run = try Run(quietOptions(file, keys, output: folder + "/whole"), on: part)
    try expect(try run.train(on: part) == .done, "the run did not end")
    last = run.trainer.stepsDone
    try expect(last >= 8, "ended after step \(last)")
  }
  // An epoch is three steps.
  try onRanks([1, 2, 4, 8], of: world) { part in
    let run = try resume(
      folder + "/whole", as: "\(folder)/on-\(part.size)",
      without: [8, 12, 14].filter { $0 <= last }, file, keys, on: part
    )
    try expect(run.trainer.stepsDone == 4, "resumed after step \(run.trainer.stepsDone)")
    try expect(try run.train(on: part) == .done, "the resumed run did not end")
  }
}
