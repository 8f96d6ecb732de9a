import Foundation
import RankTesting
import Testing

/// `lockstep verify` and `lockstep inspect`, as a user runs them.
@Suite(.serialized) struct VerifyTests {
  private func experiment(_ folder: TemporaryFolder) -> String {
    folder.write(
      """
      name = "blobs"
      [model]
      hidden = [12]
      [data]
      kind = "blobs"
      samples = 500
      classes = 4
      dimensions = 20
      [training]
      global_batch = 50
      micro_batch = 6
      [optimizer]
      kind = "adamw"
      [clip]
      rule = "global"
      max_norm = 0.5
      """, to: "blobs.toml")
  }

  @Test func equalRunsAreIdentical() throws {
    let folder = TemporaryFolder()
    let outcome = try folder.lockstep(
      [
        "verify", experiment(folder), "--ranks", "1,2,3", "--steps", "5", "--keep",
        folder.path("kept"), "--set", "seed=3",
      ]
    ).finish()
    #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
    let lines = outcome.output.split(separator: "\n")
    #expect(lines[0] == "blobs: 5 steps, training.reproducible = true")
    #expect(
      lines[2].hasSuffix("  reference") && lines[3].hasSuffix("  identical")
        && lines[4].hasSuffix("  identical"), "\(outcome.output)")
    #expect(lines.contains { $0.hasPrefix("left out, ") })
    #expect(try folder.lines("kept/ranks-3/metrics.jsonl").count == 5)
    #expect(
      try folder.lines("kept/ranks-2/trace/rank-1.jsonl").count == 8,
      "a header, the start, five steps, the evaluation")

    let printed = try folder.lockstep([
      "verify", experiment(folder), "--ranks", "1,2", "--steps", "2", "--json",
    ]).finish()
    let record = try #require(
      try JSONSerialization.jsonObject(with: Data(printed.output.utf8)) as? [String: Any])
    #expect(
      printed.status == 0 && record["identical"] as? Bool == true
        && (record["runs"] as? [[String: Any]])?.count == 2, "\(printed.errors)")

    let again = try folder.lockstep([
      "verify", experiment(folder), "--ranks", "1,2,3", "--keep", folder.path("kept"),
    ]).finish()
    #expect(again.status == 64 && again.errors.contains("kept/ranks-1 holds a run already"))
    let inspected = try folder.lockstep(["inspect", folder.path("kept/ranks-2/final.safetensors")])
      .finish()
    #expect(
      inspected.status == 0 && inspected.output.contains("layers.1.weight  F32   4 × 12"),
      "\(inspected.output)")
    let json = try folder.lockstep([
      "inspect", folder.path("kept/ranks-2/final.safetensors"), "--json",
    ]).finish()
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
    #expect(
      (object["tensors"] as? [[String: Any]])?.map { $0["name"] as? String } == [
        "layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias",
      ])
    #expect((object["total"] as? [String: Any])?["elements"] as? Int == 12 * 20 + 12 + 4 * 12 + 4)
  }

  @Test(arguments: [
    ("gradient:2:3:20", "3", "step 3 rank 2 (", "computed another gradient of micro-batch"),
    ("weights:1:2:5", "2", "step 2 rank 1 (", "holds other weights"),
    ("ledger:0:4:3", "3", "step 4 rank 0 (", "sent a ledger"),
  ])
  func aFlippedBitIsNamedLast(_ fault: String, _ at: String, _ place: String, _ what: String) throws
  {
    let folder = TemporaryFolder()
    let outcome = try folder.lockstep(
      [
        "verify", experiment(folder), "--ranks", "1,2,3", "--steps", "5", "--inject", fault,
        "--inject-at", at,
      ]
    ).finish()
    #expect(outcome.status == 70)
    let last = outcome.errors.split(separator: "\n").last.map(String.init) ?? ""
    #expect(
      last.contains("lockstep: different: at \(place)")
        && last.contains("of the run on \(at) ranks \(what)"), "\(outcome.output)\n\(last)")
  }

  @Test func misuseIsOneLine() throws {
    let folder = TemporaryFolder()
    let file = experiment(folder)
    try Data("no tensors".utf8).write(to: folder.url("bad.safetensors"))
    for (arguments, status, words) in [
      (["verify", file, "--ranks", "2"], 64, "give at least two"),
      (["verify", file, "--ranks", "1,x"], 64, "--ranks 1,x: wanted numbers"),
      (["verify", file, "--steps", "0"], 64, "--steps 0"),
      (
        ["verify", file, "--set", "clip.scope=worker", "--set", "clip.rule=global"], 64,
        "not with training.reproducible"
      ),
      (["verify", folder.path("none.toml")], 64, "no such experiment file"),
      (["verify", file, "--inject", "gradient:1"], 64, "wanted gradient|weights|ledger"),
      (["inspect", folder.path("bad.safetensors")], 65, "bad.safetensors: byte 0"),
      (["inspect", folder.path("none")], 65, "none: cannot be opened"),
    ] as [([String], Int32, String)] {
      let outcome = try folder.lockstep(arguments).finish()
      #expect(
        outcome.status == status && outcome.errors.contains(words),
        "\(arguments): \(outcome.errors)")
      #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
    }
  }
}
