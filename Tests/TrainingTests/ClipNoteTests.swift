import Configuration
import ExperimentKeys
import Testing
import Training

/// What a run says where a clip cannot do what it is for.
@Suite struct ClipNoteTests {
  private func settings(_ optimizer: String, _ clip: String) throws -> TrainerSettings {
    TrainerSettings(
      try Experiment(
        text: "[optimizer]\nkind = \"\(optimizer)\"\n[clip]\n\(clip)", source: "x.toml",
        overrides: []))
  }

  private static let global = "rule = \"global\"\nmax_norm = 1.0"

  @Test(arguments: [
    ("muon", true), ("lars", true), ("lamb", true), ("lion", true), ("sgd", false),
    ("momentum", false), ("adamw", false), ("dog", false),
  ])
  func aNoteSaysWhereTheClipActsThroughMomentumOnly(_ optimizer: String, _ isNoted: Bool) throws {
    let note = try settings(optimizer, Self.global).clipNote
    #expect(
      note
        == (isNoted
          ? "clip.rule \"global\": a step of optimizer.kind \"\(optimizer)\" is equally long for gradients of any length, so the clip acts through momentum only: it weighs a gradient against those before it"
          : nil))
    #expect(try settings(optimizer, "rule = \"none\"").clipNote == nil)
    // It changes the gradient's direction.
    #expect(try settings(optimizer, "rule = \"value\"\nmax_value = 0.1").clipNote == nil)
  }

  @Test func aLimitOfUpdatesOfOneLengthIsNoted() throws {
    for rule in [Self.global, "rule = \"rms\""] {
      let update = rule + "\nof = \"update\""
      #expect(
        try settings("muon", update).clipNote
          == "clip.of \"update\": updates of optimizer.kind \"muon\" are about equally long in every step, so the limit shortens nearly all of them or none, as a lower learning rate would"
      )
      #expect(try settings("adamw", update).clipNote == nil)
    }
    // Its limit follows the updates.
    #expect(try settings("muon", "rule = \"sigma\"").clipNote == nil)
    #expect(
      try settings("muon", Self.global + "\nof = \"update\"").starvingClip(1, of: 50)
        == "The clip acted on 100 % of the steps and shortens what the optimizer makes of the gradient: the limit sets a step's length. Raise the limit, or lower the learning rate in its place."
    )
  }

  @Test func aClipOfNearlyEveryStepIsReported() throws {
    let sgd = try settings("sgd", Self.global)
    #expect(
      sgd.starvingClip(0.95, of: 100)
        == "The clip acted on 95 % of the steps and starves the optimizer: the limit sets a step's length, whatever the gradient's. Raise the limit, or lower the learning rate in its place."
    )
    #expect(sgd.starvingClip(0.9, of: 20) != nil)
    #expect(sgd.starvingClip(0.89, of: 1000) == nil && sgd.starvingClip(1, of: 19) == nil)
    for optimizer in ["muon", "adamw", "lion"] {
      let sentence = try settings(optimizer, Self.global).starvingClip(1, of: 50)
      #expect(
        sentence
          == "The clip acted on 100 % of the steps, but a step of optimizer.kind \"\(optimizer)\" is about equally long for gradients of any length: it only evens out the gradients' weights."
      )
    }
    let normalized = try settings("sgd", "rule = \"normalize\"")
    #expect(normalized.starvingClip(1, of: 1000) == nil)
  }
}
