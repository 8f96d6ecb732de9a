import Configuration
import GradientReduction
import ExperimentKeys
import FoundationEssentials
import MPI
import Models
import Recording
import Reports
import Training
import Vectors

/// The data of the models of images, texts and numbers, each small; `FOLDER` is the
/// program's argument.
private let data = (
  numbers: "[data]\nkind = \"blobs\"\nsamples = 60\nclasses = 4\ndimensions = 9\n",
  images: "[data]\nkind = \"idx\"\npath = \"FOLDER\"\n",
  text: "[data]\nkind = \"text\"\npath = \"FOLDER/text.txt\"\ncontext = 11\n",
  episodes: "[data]\nkind = \"cartpole\"\nepisodes = 30\ntest_episodes = 4\n"
)

/// A small experiment for every kind of model.
private let experiments: [String: (model: String, data: String)] = [
  "mlp": ("hidden = [8]", data.numbers), "linear": ("", data.numbers),
  "logistic": ("", data.numbers),
  "cnn": ("channels = [4, 6]\nwidth = 7", data.images),
  "vae": ("hidden = 9\nlatent = 3", data.images),
  "rnn": ("embedding = 5\nhidden = 9", data.text), "lstm": ("embedding = 5\nhidden = 9", data.text),
  "gpt": ("layers = 2\nheads = 2\nwidth = 8", data.text), "kmeans": ("clusters = 4", data.numbers),
  "policy": ("hidden = [7]", data.episodes),
  "network": (
    """
    layers = [
      { kind = "conv", channels = 4, padding = 1 }, { kind = "group-norm", groups = 2 },
      { kind = "residual", layers = [
        { kind = "relu" }, { kind = "conv", channels = 4, padding = 1 }, { kind = "dropout", rate = 0.2 }
      ] },
      { kind = "max-pool" }, { kind = "flatten" }, { kind = "dense", width = "classes" },
    ]
    """, data.images
  ),
]

/// Every kind of model trains, saves and resumes to the same bits, at 1, 2, 3 and 4 ranks with
/// gradients divided or not, and reproducibly with equal bits at all.
///
/// Argument: a directory with four IDX files of images and `text.txt`. Leaves `KIND.safetensors` in
/// it and prints a line `model KIND TENSOR…` a kind.
let everyModelProgram = RankProgram("every-model") { world, arguments in
  setComputeThreads(1)
  let folder = arguments[0]
  var cases: [Case] = []
  for kind in ModelKinds.builtIn.map({ $0.kind }) {
    guard let experiment = experiments[kind] else {
      throw CheckFailure(description: "no experiment here trains a \(kind)")
    }
    let text = """
      [model]
      kind = "\(kind)"
      \(experiment.model)
      \(experiment.data.replacing("FOLDER", with: folder))
      [training]
      global_batch = 13
      micro_batch = 3
      steps = 6
      [optimizer]
      kind = "adamw"
      [clip]
      rule = "global"
      max_norm = 0.5
      [checkpoint]
      every = 3
      """
    cases.append(
      Case(kind, ranks: world.size) { part in
        try trainEverywhere(kind, text, in: folder, on: part)
      })
  }
  try run(cases, on: world)
}

/// Trains an experiment in all modes at 1, 2, 3 and 4 ranks. Collective.
private func trainEverywhere(
  _ kind: String, _ text: String, in folder: String, on world: borrowing Communicator
) throws {
  let file = "\(folder)/\(kind).toml"
  try world.succeedOnAllRanks {
    if world.rank == 0 { try text.write(toFile: file, atomically: true, encoding: .utf8) }
  }
  var reference: String?
  try measureSamples(text, on: world)
  try clipSamples(text, on: world)
  try onRanks([1, 2, 3, 4], of: world) { part in
    for mode in ["shared", "messages", "overlapped", "reproducible"] {
      let digest = try resumeToTheSameBits(
        file, mode, directory: "\(folder)/\(kind)-\(mode)-\(part.size)", on: part)
      guard mode == "reproducible", part.rank == 0 else { continue }
      try expect(digest == reference ?? digest, "other bits on \(part.size) ranks than on fewer")
      reference = digest
    }
  }
  try world.succeedOnAllRanks {
    guard world.rank == 0 else { return }
    try FileManager.default.copyItem(
      atPath: "\(folder)/\(kind)-shared-1/final.safetensors",
      toPath: "\(folder)/\(kind).safetensors")
    let trained = try TrainedModel(path: "\(folder)/\(kind).safetensors")
    print(
      "model", kind,
      trained.model.layout.segments.map { "\($0.name)\($0.shape)".replacing(" ", with: "") }
        .joined(separator: " "))
  }
}

/// Trains six steps, then again from the checkpoint after the third, and compares; gives the digest
/// of the weights.
func resumeToTheSameBits(
  _ file: String, _ mode: String, _ keys: [String] = [], directory: String,
  on world: borrowing Communicator
) throws -> String {
  let overrides =
    keys + (exchanges.first(where: { $0.name == mode })?.keys ?? ["training.reproducible=true"])
  let whole = try Run(quietOptions(file, overrides, output: directory), on: world)
  try expect(try whole.train(on: world) == .done, "\(directory): the run did not end")
  try world.expectEqual(whole.trainer.weights.digest(), "\(directory): the weights")
  let resumed = try resume(
    directory, as: directory + "-resumed", without: [6], file, overrides, on: world)
  try expect(
    resumed.trainer.stepsDone == 3, "\(directory): resumed after step \(resumed.trainer.stepsDone)")
  try expect(try resumed.train(on: world) == .done, "\(directory): the resumed run did not end")
  try expect(
    resumed.trainer.fingerprint == whole.trainer.fingerprint,
    "\(directory): rank \(world.rank) ends with other bits when resumed")
  return whole.trainer.weights.digest()
}
