import Foundation
import RankTesting
import Testing

/// `lockstep samples`: which training samples have the largest gradients.
@Suite struct SamplesTests {
  /// Fashion-MNIST with every twentieth training label another class, and which these are.
  private static func mislabelled(in folder: TemporaryFolder) throws -> Set<Int> {
    let source = "/usr/share/datasets/fashion-mnist/"
    for name in ["train-images-idx3", "t10k-images-idx3", "t10k-labels-idx1"] {
      try FileManager.default.createSymbolicLink(
        atPath: folder.path("\(name)-ubyte.gz"), withDestinationPath: "\(source)\(name)-ubyte.gz")
    }
    let file = folder.path("train-labels-idx1-ubyte")
    let unpacked = try Programs.run(
      "/bin/sh", ["-c", "gunzip -c \(source)train-labels-idx1-ubyte.gz > \(file)"])
    try #require(unpacked.status == 0, "\(unpacked.errors)")
    var labels = [UInt8](try Data(contentsOf: URL(filePath: file)))
    try #require(labels.count == 60_008)
    var wrong: Set<Int> = []
    for sample in stride(from: 7, to: 60_000, by: 20) {
      labels[8 + sample] = (labels[8 + sample] + 1 + UInt8(sample / 20 % 9)) % 10
      wrong.insert(sample)
    }
    try Data(labels).write(to: URL(filePath: file))
    return wrong
  }

  /// The probability that a wrong sample's norm is above a right one's.
  private static func auroc(_ norms: [Double], _ wrong: Set<Int>) -> Double {
    let order = norms.indices.sorted { norms[$0] < norms[$1] }
    let ranks = order.enumerated().reduce(0) {
      wrong.contains($1.element) ? $0 + Double($1.offset + 1) : $0
    }
    let (count, others) = (Double(wrong.count), Double(norms.count - wrong.count))
    return (ranks - count * (count + 1) / 2) / (count * others)
  }

  @Test func mislabelledSamplesComeFirst() throws {
    let folder = TemporaryFolder()
    let wrong = try Self.mislabelled(in: folder)
    folder.write(
      """
      [model]
      kind = "mlp"
      hidden = [128]
      [data]
      kind = "fashion-mnist"
      path = "\(folder.path)"
      [training]
      global_batch = 128
      micro_batch = 64
      epochs = 2
      [optimizer]
      learning_rate = 0.1
      [checkpoint]
      every = 300
      """, to: "flipped.toml")
    let run = folder.path("run")
    let trained = try folder.lockstep(
      ["run", folder.path("flipped.toml"), "-n", "2", "--quiet", "--output", run]
    ).finish()
    try #require(trained.status == 0, "\(trained.errors)")

    let outcome = try folder.lockstep(["samples", run, "-n", "2", "--top", "40"]).finish()
    try #require(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("gradient norms of 60,000 training samples"))
    #expect(outcome.output.contains("run/samples.csv") && outcome.output.contains("samples.png"))
    let table = try String(contentsOfFile: folder.path("run/samples.csv"), encoding: .utf8)
      .split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
    #expect(table[0] == ["sample", "norm", "loss", "label"] && table.count == 60_001)
    let norms = try table.dropFirst().map { try #require(Double($0[1])) }
    let auroc = Self.auroc(norms, wrong)
    print("mislabelled samples by norm: AUROC \(auroc)")
    #expect(auroc >= 0.9)
    let largest = norms.indices.sorted { norms[$0] > norms[$1] }.prefix(40)
    #expect(largest.count { wrong.contains($0) } >= 30)
    let png = try Data(contentsOf: URL(filePath: folder.path("run/samples.png")))
    #expect(png.starts(with: [0x89, 0x50, 0x4E, 0x47]))

    // At another number of ranks the same, of a checkpoint others, and nothing is overwritten.
    let refused = try folder.lockstep(["samples", run]).finish()
    #expect(refused.status == 64 && refused.errors.contains("is there already: --force"))
    for (keys, isSame) in [(["-n", "3"], true), (["--step", "600"], false)] {
      let other = try folder.lockstep(
        ["samples", run, "--json", "--output", folder.path("other.csv"), "--force"] + keys
      ).finish()
      try #require(other.status == 0, "\(other.errors)")
      let result = try #require(
        try JSONSerialization.jsonObject(with: Data(other.output.utf8)) as? NSDictionary)
      #expect((result["largest"] as? [NSDictionary])?.count == 10)
      let again = try String(contentsOfFile: folder.path("other.csv"), encoding: .utf8)
      #expect(
        (again.split(separator: "\n").map { $0.split(separator: ",") }
          == table.map { $0.map { $0 } }) == isSame)
    }
    let missing = try folder.lockstep(
      ["samples", run, "--step", "7", "--output", folder.path("x.csv")]
    ).finish()
    #expect(
      missing.status == 64 && missing.errors.contains("has checkpoints of steps 600, 900, 938"))
  }

  /// A text's samples are listed by their words; a layer that mixes samples is named.
  @Test func textsAreShownAndMixedSamplesRefused() throws {
    let folder = TemporaryFolder()
    folder.write(
      String(repeating: "to be or not to be, that is the question. ", count: 60), to: "t")
    let text = [
      "data.kind=text", "data.path=\(folder.path("t"))", "data.context=16", "model.kind=gpt",
      "model.layers=1", "model.heads=2", "model.width=8", "training.steps=4",
      "training.global_batch=8",
    ]
    let mixed = [
      "data.kind=blobs", "model.kind=network",
      "model.layers=[{ width = 4 }, { kind = \"batch-norm\" }, { width = \"classes\" }]",
      "training.steps=2", "training.global_batch=8",
    ]
    folder.write("name = \"small\"\n", to: "small.toml")
    for (name, keys) in [("text", text), ("mixed", mixed)] {
      let run = try folder.lockstep(
        ["run", folder.path("small.toml"), "-n", "1", "--quiet", "--output", folder.path(name)]
          + keys.flatMap { ["--set", $0] }
      ).finish()
      try #require(run.status == 0, "\(run.errors)")
    }
    let listed = try folder.lockstep(["samples", folder.path("text"), "--top", "3"]).finish()
    #expect(listed.status == 0 && listed.output.contains("be"), "\(listed.errors)")
    #expect(!FileManager.default.fileExists(atPath: folder.path("text/samples.png")))
    let refused = try folder.lockstep(["samples", folder.path("mixed")]).finish()
    #expect(
      refused.status == 64
        && refused.errors.contains("layer 1 (batch-norm) mixes the samples of a micro-batch"),
      "\(refused.errors)")
    let asked = try folder.lockstep(
      [
        "run", folder.path("small.toml"), "-n", "1", "--output", folder.path("asked"), "--set",
        "report.samples=true",
      ]
        + mixed.flatMap { ["--set", $0] }
    ).finish()
    #expect(asked.status == 64 && asked.errors.contains("report.samples: layer 1 (batch-norm)"))
    #expect(asked.errors.split(separator: "\n").count == 1)
  }
}
