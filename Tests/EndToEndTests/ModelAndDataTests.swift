import Foundation
import RankTesting
import Testing

/// Models and data that do not fit are refused before a rank is started, also by a dry run; fault
/// list F.
@Suite struct ModelAndDataTests {
  private func dryRun(_ folder: TemporaryFolder, _ text: String) throws -> Outcome {
    try text.write(to: folder.url("x.toml"), atomically: true, encoding: .utf8)
    return try folder.lockstep([
      "run", folder.path("x.toml"), "-n", "2", "--dry-run", "--output", folder.path("run"),
    ]).finish()
  }

  @Test(arguments: [
    ("gpt", "blobs", "", "a text: tokens, with a label for each"),
    ("mlp", "random-text", "", "numbers with labels or targets"),
    ("linear", "csv", "path = \"t.csv\"", "numbers with labels or targets"),
    ("cnn", "csv", "path = \"t.csv\"\nlabel = 0", "images with a label each"),
    ("policy", "blobs", "", "episodes of an environment (cartpole)"),
    ("vae", "cartpole", "", "images, or other numbers from 0 to 1"),
  ])
  func aModelThatCannotTakeTheDataIsRefused(
    _ model: String, _ data: String, _ keys: String, _ needs: String
  ) throws {
    let outcome = try dryRun(
      TemporaryFolder(), "[model]\nkind = \"\(model)\"\n[data]\nkind = \"\(data)\"\n\(keys)")
    #expect(outcome.status == 64 && outcome.output.isEmpty, "\(outcome.output)")
    #expect(
      outcome.errors
        == "lockstep: model.kind \"\(model)\" needs \(needs): choose another data.kind, or another model\n",
      "\(outcome.errors)")
  }

  @Test(arguments: [
    ("mlp", "cross-entropy", "csv", "path = \"t.csv\"\ntargets = 0", "labels"),
    ("logistic", "cross-entropy", "csv", "path = \"t.csv\"\ntargets = 0", "labels"),
    (
      "mlp", "binary-cross-entropy", "blobs", "classes = 3",
      "labels of two classes, or targets from 0 to 1"
    ),
  ])
  func aLossThatIsNotDefinedForTheDataIsRefused(
    _ model: String, _ loss: String, _ data: String, _ keys: String, _ needs: String
  ) throws {
    let outcome = try dryRun(
      TemporaryFolder(),
      "[model]\nkind = \"\(model)\"\n"
        + (model == "mlp" ? "loss = \"\(loss)\"\n" : "")
        + "[data]\nkind = \"\(data)\"\n\(keys)")
    #expect(outcome.status == 64 && outcome.output.isEmpty, "\(outcome.output)")
    #expect(
      outcome.errors
        == "lockstep: the loss \(loss) needs \(needs): choose another loss, another model or other data\n",
      "\(outcome.errors)")
  }

  @Test func aDryRunShowsTheLayers() throws {
    let outcome = try dryRun(
      TemporaryFolder(),
      """
      [model]
      kind = "network"
      layers = [
        { kind = "residual", layers = [{ kind = "dense", width = 32 }, { kind = "tanh" }] },
        { name = "head", kind = "dense", width = "classes" },
      ]
      [data]
      kind = "blobs"
      dimensions = 32
      classes = 10
      """)
    #expect(outcome.status == 0 && outcome.output.split(separator: "\n").count == 1)
    #expect(outcome.output.hasPrefix("mpirun ") || outcome.output.contains("/mpirun "))
    #expect(outcome.errors.contains("[model]\nkind = \"network\"\n"), "\(outcome.errors)")
    // Of a dense layer: W and b; forward and ∂loss/∂W, and ∂loss/∂x where that is wanted.
    let table = outcome.errors.split(separator: "\n").suffix(6).map {
      $0.split(separator: " ").joined(separator: " ")
    }
    #expect(
      table == [
        "layer kind result parameters multiply-adds",
        "0.layers.0 dense 32 values 1,056 2,048", "0.layers.1 tanh 32 values 0 0",
        "0 residual 32 values 0 0", "head dense 10 values 330 960", "all 1,386 3,008",
      ], "\(outcome.errors)")
  }

  @Test func aWrongNetworkIsRefused() throws {
    let outcome = try dryRun(
      TemporaryFolder(),
      "[model]\nkind = \"network\"\nlayers = [{ kind = \"conv\" }]\n[data]\nkind = \"blobs\"\n")
    #expect(outcome.status == 64 && outcome.output.isEmpty, "\(outcome.output)")
    #expect(
      outcome.errors
        == "lockstep: model.layers: layer 0 (conv): got 32 values, wants an image\n",
      "\(outcome.errors)")
  }

  /// B15: the headers of the files show it. Files that this machine lacks are checked by the ranks.
  @Test func aTestSetOfAnotherShapeIsRefused() throws {
    let folder = TemporaryFolder()
    let text = "[model]\nhidden = [4]\n[data]\nkind = \"idx\"\npath = \".\""
    #expect(try dryRun(folder, text).status == 0)
    for (split, height, width) in [("train", UInt8(6), UInt8(6)), ("t10k", 4, 9)] {
      try Data(
        [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, height, 0, 0, 0, width] + [UInt8](repeating: 1, count: 36)
      )
      .write(to: folder.url("\(split)-images-idx3-ubyte"))
      try Data([0, 0, 8, 1, 0, 0, 0, 1, 0]).write(to: folder.url("\(split)-labels-idx1-ubyte"))
    }
    let outcome = try dryRun(folder, text)
    #expect(
      outcome.status == 65
        && outcome.errors.contains("the test set's images are 4×9, the training set's 6×6"),
      "\(outcome.errors)")
  }
}
