import Foundation
import RankTesting
import Testing

/// `lockstep gallery` and `lockstep sample`, as a user runs them.
@Suite(.serialized) struct GalleryCommandTests {
  private static let experiments = URL(filePath: #filePath).deletingLastPathComponent().appending(
    path: "../../Launch/experiments"
  )
  .standardized.path

  @Test func aClaimIsRunReportedAndSaved() throws {
    let folder = TemporaryFolder()
    func gallery(_ arguments: String...) throws -> Outcome {
      try folder.lockstep(
        ["gallery", "--experiments", Self.experiments, "--output", folder.path("gallery")]
          + arguments
      ).finish()
    }
    let first = try gallery("kmeans-stop")
    #expect(
      first.status == 0 && first.output.contains("\n  verdict   holds\n"),
      "\(first.output) \(first.errors)")
    #expect(first.output.hasSuffix("1 of 1 claim holds\n"))
    let claims =
      try JSONSerialization.jsonObject(with: Data(contentsOf: folder.url("gallery/gallery.json")))
      as? [[String: Any]]
    #expect(
      claims?.first?["claim"] as? String == "kmeans-stop"
        && claims?.first?["holds"] as? Bool == true)
    #expect((claims?.first?["table"] as? [[String]])?.count == 4)

    // An existing run is not repeated: one whose records were edited is reported with these
    // records.
    let metrics = folder.url("gallery/kmeans-stop/norm-rule/metrics.jsonl")
    let lines = try String(contentsOf: metrics, encoding: .utf8)
    try lines.replacing(#""loss":6"#, with: #""loss":9"#).replacing(
      #""loss":3"#, with: #""loss":9"#
    )
    .write(to: metrics, atomically: true, encoding: .utf8)
    let second = try gallery("kmeans-stop")
    #expect(
      second.status == 0 && second.output.contains("\n  verdict   does not hold\n"),
      "\(second.output)")

    let json = try gallery("kmeans-stop", "--json")
    #expect(
      try json.status == 0
        && json.output == String(contentsOf: folder.url("gallery/gallery.json"), encoding: .utf8)
          + "\n"
    )

    let wrong = try gallery("clipping")
    #expect(
      wrong.status == 64
        && wrong.errors.contains("clipping: no such claim; there are recurrent-clip, "),
      "\(wrong.errors)")
    let list = try gallery("--list")
    #expect(
      list.status == 0 && list.output.contains("transformer  ")
        && list.output.contains("gpt.toml, 1 run, about "))
  }

  @Test func aTextIsContinuedAndPicturesAreDrawn() throws {
    let folder = TemporaryFolder()
    try String(repeating: "Lockstep keeps four ranks in step.\n", count: 60).write(
      to: folder.url("words.txt"), atomically: true, encoding: .utf8)
    try """
    [model]
    kind = "gpt"
    layers = 1
    heads = 2
    width = 16
    [data]
    kind = "text"
    path = "words.txt"
    context = 16
    [training]
    global_batch = 16
    steps = 1200
    [optimizer]
    kind = "adamw"
    learning_rate = 0.01
    [checkpoint]
    every = 1200
    """.write(to: folder.url("words.toml"), atomically: true, encoding: .utf8)
    let trained = try folder.lockstep([
      "run", folder.path("words.toml"), "-n", "2", "--output", folder.path("words"),
    ]).finish()
    #expect(trained.status == 0, "\(trained.errors)")
    func sample(_ what: String, _ arguments: String...) throws -> Outcome {
      try folder.lockstep(["sample", folder.path(what)] + arguments).finish()
    }
    // A network of this size memorizes its one sentence.
    let text = try sample(
      "words", "--prompt", "Lockstep keeps four ranks", "--length", "24", "--temperature", "0")
    #expect(
      text.output == "Lockstep keeps four ranks in step.\nLockstep keeps\n",
      "\(text.output) \(text.errors)")
    let wild = ["--temperature", "5", "--length", "60", "--seed"]
    func drawn(_ seed: String) throws -> String {
      try folder.lockstep(
        ["sample", folder.path("words/checkpoints/step-00001200")] + wild + [
          seed, "--prompt", "in",
        ]
      ).finish().output
    }
    #expect(try drawn("1") == drawn("1") && drawn("1") != drawn("2"))
    let unknown = try sample("words", "--prompt", "Lock-out")
    #expect(
      unknown.status == 64 && unknown.errors.contains("has no byte 0x2d, found after \"Lock\""),
      "\(unknown.errors)")
    // A text without an "I" is continued from a byte that it has.
    let unprompted = try sample("words", "--length", "20")
    #expect(
      unprompted.status == 0 && unprompted.output.utf8.count == 22,
      "\(unprompted.output) \(unprompted.errors)")
    // A text without end ends with Ctrl-C.
    let endless = try folder.lockstep([
      "sample", folder.path("words"), "--length", "1000000000",
    ])
    try #require(endless.wait { endless.output.utf8.count > 1000 }, "\(endless.errors)")
    kill(endless.identifier, SIGINT)
    #expect(try endless.finish(limit: 10).status == SIGINT)
    try "1,2\n3,4\n5,6\n7,8\n".write(to: folder.url("t.csv"), atomically: true, encoding: .utf8)
    try
      "[model]\nkind = \"kmeans\"\nclusters = 2\n[data]\nkind = \"csv\"\npath = \"t.csv\"\n[training]\nsteps = 2"
      .write(
        to: folder.url("kmeans.toml"), atomically: true, encoding: .utf8)
    #expect(
      try folder.lockstep([
        "run", folder.path("kmeans.toml"), "-n", "1", "--output", folder.path("kmeans"),
      ]).finish().status == 0)
    let centroids = try sample("kmeans")
    #expect(
      centroids.status == 64
        && centroids.errors.contains(
          "centroids of 2 numbers are drawn only where these are an image"),
      "\(centroids.errors)")
    let nothing = try sample("words.toml")
    #expect(
      nothing.status == 65 && nothing.errors.split(separator: "\n").count == 1, "\(nothing.errors)")
  }
}
