import Configuration
import ExperimentKeys
import GradientNorms
import Testing

/// Which vector `[clip]` limits, and with which optimiser.
@Suite struct ClipKeysTests {
  private func read(_ overrides: [String]) throws -> Experiment {
    try Experiment(
      text: "[data]\nkind = \"blobs\"\n", source: "runs/x.toml", overrides: overrides)
  }

  @Test func aRuleSaysWhatItUsuallyLimits() throws {
    #expect(try read(["clip.rule=global"]).clipTarget == .gradient)
    #expect(try read(["clip.rule=rms"]).clipTarget == .update)
    #expect(try read(["clip.rule=rms", "clip.of=gradient"]).clipTarget == .gradient)
    #expect(try read(["clip.rule=sigma"]).clipTarget == .update)
    let zscore = try read(["clip.rule=zscore", "clip.of=update"])
    #expect(zscore.clipTarget == .update && zscore.resolved.contains("of = \"update\""))
  }

  @Test(
    arguments: [
      (
        ["clip.rule=value", "clip.of=update"],
        "clip.of: \"value\" limits single elements or rows of the gradient: for updates use a rule by norms, such as rms or global"
      ),
      (
        ["clip.rule=global", "clip.of=update", "clip.order=1"],
        "clip.order: updates are clipped by their L2 norm: use order 2"
      ),
      (["clip.rule=global", "clip.of=updates"], "clip.of: "),
      (
        ["clip.rule=spam"],
        "clip.rule: \"spam\" works on the optimiser's mean of squares, which optimizer.kind \"sgd\" does not have: use adamw or lamb, or another rule"
      ),
      (["clip.rule=spam", "optimizer.kind=adamw", "clip.of=update"], "clip.of: \"spam\" limits"),
      (
        ["clip.rule=global", "clip.scope=sample", "clip.of=update"],
        "clip.scope: updates have scope mean-gradient alone"
      ),
      (
        ["clip.rule=global", "clip.scope=sample", "clip.order=1"],
        "clip.order: scope sample clips by the L2 norm"
      ),
      (
        ["clip.rule=global", "clip.scope=sample", "regularization.sam_radius=0.1"],
        "clip.scope: with regularization.sam_radius the mean gradient is what can be clipped"
      ),
      (
        ["clip.rule=global", "clip.scope=sample", "regularization.l2=0.1"],
        "clip.scope: scope sample limits the gradients of the loss, before a penalty"
      ),
      (
        ["report.noise_layers=true", "report.noise=samples"],
        "report.noise_layers: the squares of a sample's gradient are summed over the tensors: use noise \"ranks\" or \"micro-batches\""
      ),
      (
        ["report.noise_layers=true", "clip.rule=global", "clip.scope=worker"],
        "report.noise_layers: with clip.scope worker the squares by tensor are those of the clipped mean"
      ),
      (
        ["report.noise_layers=true", "regularization.l1=0.1"],
        "report.noise_layers: the squares by tensor are those of the mean gradient with its penalty"
      ),
    ])
  func whatDoesNotGoTogetherIsOneLine(_ overrides: [String], _ text: String) {
    let error = #expect(throws: ExperimentError.self) { try read(overrides) }
    let message = error.map { "\($0)" } ?? ""
    #expect(message.contains(text) && !message.contains("\n"), "\(message)")
  }

  @Test func sigmaHasLevantersDefaults() throws {
    #expect(try read(["clip.rule=sigma"]).clip as? SigmaClip == SigmaClip())
    let clip = try read(["clip.rule=sigma", "clip.window=64", "clip.sigma_factor=2"]).clip
    #expect(clip as? SigmaClip == SigmaClip(window: 64, sigmaFactor: 2))
    for wrong in ["clip.window=1", "clip.sigma_factor=0"] {
      #expect(throws: ExperimentError.self) { try read(["clip.rule=sigma", wrong]) }
    }
  }

  @Test(arguments: ["adamw", "lamb"]) func spamTakesOptimisersWithAMeanSquare(_ kind: String) throws
  {
    let spam = try read(["clip.rule=spam", "optimizer.kind=\(kind)"])
    #expect(spam.clip as? SPAMClip == SPAMClip())
    let stable = try read(["clip.rule=stable-spam", "optimizer.kind=\(kind)"])
    #expect(stable.clip as? StableSPAMClip == StableSPAMClip())
  }
}
