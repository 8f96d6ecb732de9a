import Foundation
import RankTesting
import TensorFiles
import Testing

/// The worker refuses data and weights that a model cannot use at the start: one rank prints one
/// line with the file and the place.
@Suite struct UnfitInputTests {
  private func worker(_ folder: TemporaryFolder, _ text: String, _ settings: [String] = []) throws
    -> Outcome
  {
    let file = folder.write(text, to: "x.toml")
    return try Programs.mpirun(
      2, [file, "--output", "\(folder.path)/run", "--force"] + settings.flatMap { ["--set", $0] },
      program: "lockstep-worker")
  }

  private func expectRefused(_ outcome: Outcome, _ parts: String...) {
    #expect(outcome.status == 65, "\(outcome.errors)")
    #expect(outcome.rankLines.count == 1, "\(outcome.errors)")
    for part in parts {
      #expect(outcome.rankLines.first?.contains(part) == true, "\(outcome.errors)")
    }
  }

  private func npy(_ values: [Float], width: Int) -> Data {
    var header =
      "{'descr': '<f4', 'fortran_order': False, 'shape': (\(values.count / width), \(width)), }"
    header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
    return Data([0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0])
      + Data(header.utf8)
      + values.withUnsafeBytes { Data($0) }
  }

  /// B9: the loss of a vae is defined for values from 0 to 1 alone.
  @Test func aVAETakesValuesFromZeroToOne() throws {
    let folder = TemporaryFolder()
    func train(_ data: String) throws -> Outcome {
      try worker(
        folder,
        "[model]\nkind = \"vae\"\nhidden = 8\nlatent = 2\n[training]\nsteps = 2\nglobal_batch = 8\nmicro_batch = 4\n[data]\n"
          + data
      )
    }
    var values = (0..<120).map { Float($0) / 119 }
    try npy(values, width: 6).write(to: URL(filePath: "\(folder.path)/x.npy"))
    let sound = try train("kind = \"npy\"\npath = \"x.npy\"")
    #expect(sound.status == 0, "\(sound.errors)")
    try FileManager.default.removeItem(atPath: "\(folder.path)/run")
    // The row may be in the training set or held out: it is found before the first step.
    for (place, wrong) in [(0, Float(255)), (77, -0.5), (119, 1.5)] {
      let right = values[place]
      values[place] = wrong
      try npy(values, width: 6).write(to: URL(filePath: "\(folder.path)/x.npy"))
      values[place] = right
      let outcome = try train("kind = \"npy\"\npath = \"x.npy\"")
      expectRefused(
        outcome,
        "\(folder.path)/x.npy: byte \(128 + 4 * place): row \(place / 6), element \(place % 6): \(wrong) is not within 0.0 to 1.0",
        "model.kind \"vae\"")
      #expect(!folder.exists("run/metrics.jsonl"))
    }
    folder.write((0..<20).map { "\($0 == 13 ? 7 : 0.5),0.25\n" }.joined(), to: "t.csv")
    expectRefused(
      try train("kind = \"csv\"\npath = \"t.csv\"\nstandardize = false"),
      "\(folder.path)/t.csv: row 14 of the data, column 0 (counted from 0): ",
      "7.0 is not within")
    expectRefused(
      try train("kind = \"blobs\"\nsamples = 50"), "data of kind \"blobs\": sample 0, value ",
      "is not within 0.0 to 1.0")
  }

  /// Binary cross-entropy is defined for targets from 0 to 1 alone; other losses take any.
  @Test func probabilitiesAreFromZeroToOne() throws {
    let folder = TemporaryFolder()
    func train(_ loss: String, _ data: String) throws -> Outcome {
      try worker(
        folder,
        "[model]\nhidden = [4]\nloss = \"\(loss)\"\n[training]\nsteps = 2\nglobal_batch = 8\nmicro_batch = 4\n[data]\n"
          + data)
    }
    let table = "kind = \"csv\"\npath = \"t.csv\"\ntargets = [1, 2]"
    folder.write((0..<20).map { "\($0),\($0 % 2),0.25\n" }.joined(), to: "t.csv")
    for loss in ["binary-cross-entropy", "squared-error", "absolute-error", "huber"] {
      let outcome = try train(loss, table)
      #expect(outcome.status == 0, "\(loss): \(outcome.errors)")
      try FileManager.default.removeItem(atPath: "\(folder.path)/run")
    }
    folder.write((0..<20).map { "\($0),\($0 % 2),\($0 == 7 ? 1.5 : 0)\n" }.joined(), to: "t.csv")
    expectRefused(
      try train("binary-cross-entropy", table),
      "\(folder.path)/t.csv: row 8 of the data, column 2 (counted from 0): 1.5 is not within 0.0 to 1.0",
      "scale the targets to that range, or choose another loss")
    try npy((0..<40).map { Float($0) }, width: 2).write(to: URL(filePath: "\(folder.path)/x.npy"))
    try npy((0..<20).map { $0 == 11 ? -0.5 : 0.5 }, width: 1).write(
      to: URL(filePath: "\(folder.path)/y.npy"))
    expectRefused(
      try train(
        "binary-cross-entropy", "kind = \"npy\"\npath = \"x.npy\"\ntargets_path = \"y.npy\""),
      "\(folder.path)/y.npy: byte \(128 + 4 * 11): row 11, element 0: -0.5 is not within 0.0 to 1.0"
    )
  }

  /// B12: fewer different points than clusters.
  @Test func clustersBeyondThePointsAreNoted() throws {
    let folder = TemporaryFolder()
    folder.write("1,2\n1,2\n3,4\n5,6\n7,8\n7,8\n", to: "t.csv")
    let text = """
      [model]
      kind = "kmeans"
      [data]
      kind = "csv"
      path = "t.csv"
      validation = 0
      [training]
      steps = 2
      """
    let outcome = try worker(folder, text)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let note =
      "model.clusters is 10, but the 6 samples that centroids start from are only 4 different points"
    #expect(outcome.output.contains(note), "\(outcome.output)")
    let enough = try worker(folder, text, ["model.clusters=4"])
    #expect(enough.status == 0 && !enough.output.contains("model.clusters"), "\(enough.output)")
  }

  /// B16: starting weights that are not finite.
  @Test func startingWeightsAreFinite() throws {
    let folder = TemporaryFolder()
    let text =
      "[model]\nhidden = [5]\n[data]\nkind = \"blobs\"\nsamples = 60\ndimensions = 4\nclasses = 3\n[training]\nsteps = 2\nglobal_batch = 8"
    #expect(try worker(folder, text).status == 0)
    var bytes = try Data(contentsOf: URL(filePath: "\(folder.path)/run/final.safetensors"))
    // layers.1.weight [3, 5]: its sixth element.
    let tensor = try SafeTensors(path: "\(folder.path)/run/final.safetensors").floats(
      named: "layers.1.weight")
    let pattern = withUnsafeBytes(of: tensor[5]) { Data($0) }
    let place = try #require(bytes.range(of: pattern)).lowerBound
    for (value, name) in [(Float.nan, "nan"), (-.infinity, "-inf")] {
      bytes.replaceSubrange(place..<place + 4, with: withUnsafeBytes(of: value) { Data($0) })
      try bytes.write(to: URL(filePath: "\(folder.path)/start.safetensors"))
      expectRefused(
        try worker(folder, text, ["model.init=\"\(folder.path)/start.safetensors\""]),
        "\(folder.path)/start.safetensors: tensor layers.1.weight holds \(name) at element 5")
    }
  }

  /// B15: a test set of other images with as many pixels, and a class that only it has.
  @Test func theTestSetIsShapedAsTheTrainingSet() throws {
    let folder = TemporaryFolder()
    func write(_ split: String, _ height: Int, _ width: Int, labels: [UInt8]) {
      let pixels = [UInt8](repeating: 7, count: labels.count * height * width)
      folder.writeIDX([labels.count, height, width], pixels, to: "\(split)-images-idx3-ubyte")
      folder.writeIDX([labels.count], labels, to: "\(split)-labels-idx1-ubyte")
    }
    let text =
      "[model]\nhidden = [4]\n[data]\nkind = \"idx\"\npath = \".\"\n[training]\nsteps = 2\nglobal_batch = 8"
    write("train", 6, 6, labels: [0, 1, 3, 0, 1, 3, 0, 1])
    write("t10k", 4, 9, labels: [0, 1])
    expectRefused(
      try worker(folder, text),
      "t10k-images-idx3-ubyte: byte 4: the test set's images are 4×9, the training set's 6×6; give two splits"
    )
    write("t10k", 6, 6, labels: [0, 2])
    let outcome = try worker(folder, text)
    #expect(
      outcome.status == 0 && outcome.output.contains("class 2 occurs in held-out rows only"),
      "\(outcome.output) \(outcome.errors)")
  }
}
