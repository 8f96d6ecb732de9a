import Configuration
import ExperimentKeys
import Foundation
import GradientNorms
import Models
import Optimizers
import RankTesting
import Testing
import Training
import Vectors

/// The keys of groups of tensors, and the form of a file.
@Suite struct GroupKeysTests {
  private static let model = """
    [model]
    hidden = [4]
    [data]
    kind = "blobs"
    dimensions = 3
    classes = 2
    [optimizer]
    kind = "adamw"

    """

  private func read(_ text: String, _ overrides: [String] = []) throws -> Experiment {
    try Experiment(text: text, source: "runs/x.toml", overrides: overrides)
  }

  private func failure(_ text: String, _ overrides: String...) -> String? {
    do { try read(text, overrides).checkFit() } catch { return "\(error)" }
    return nil
  }

  @Test func tablesAreGroups() throws {
    let text =
      Self.model + """
        decay = "matrices"
        [[optimizer.groups]]
        match = ["*.bias"]
        weight_decay = 0.5
        [[optimizer.groups]]
        match = ["layers.0.*", "layers.1.weight"]
        rate = 0
        clip = "own"
        """
    let experiment = try read(text)
    #expect(experiment.decay == .matrices && experiment.groups.count == 2)
    #expect(
      experiment.groups.map(\.match) == [["*.bias"], ["layers.0.*", "layers.1.weight"]]
        && experiment.groups.map(\.weightDecay) == [0.5, nil]
        && experiment.groups.map(\.rate) == [1, 0]
        && experiment.groups.map(\.clip) == [.shared, .own]
    )
    // The resolved file says the same.
    #expect(
      experiment.resolved.contains(
        """
        groups = [
          { match = ["*.bias"], weight_decay = 0.5, rate = 1.0, clip = "shared" },
          { match = ["layers.0.*", "layers.1.weight"], rate = 0.0, clip = "own" },
        ]
        """))
    let again = try read(experiment.resolved)
    #expect(again.resolved == experiment.resolved && again.groups.map(\.rate) == [1, 0])
    try experiment.checkFit()
    // As a value, and one key of it.
    let given = try read(
      Self.model, ["optimizer.groups=[{ match = [\"*.bias\"] }]", "optimizer.groups[0].rate=3"])
    #expect(given.groups.map(\.rate) == [3])
  }

  @Test func aGroupMayBeMuonsOrAdamWs() throws {
    let text =
      Self.model.replacing("\"adamw\"", with: "\"muon\"") + """
        [[optimizer.groups]]
        match = ["layers.1.weight"]
        matrix = true
        [[optimizer.groups]]
        match = ["layers.0.*"]
        matrix = false
        """
    let experiment = try read(text)
    #expect(experiment.groups.map(\.isMatrix) == [true, false])
    let model = try #require(try experiment.checkFit())
    let treatments = try TensorTreatments(
      model.layout, experiment.optimizer, decay: experiment.decay, groups: experiment.groups)
    #expect(treatments?.matrices == [2])
    #expect(try read(experiment.resolved).resolved == experiment.resolved)
  }

  @Test(arguments: [
    (
      "[[optimizer.groups]]\nrate = 2",
      "runs/x.toml: optimizer.groups[0].match: a group needs the names of its tensors, such as match = [\"*.bias\", \"*norm*\"]"
    ),
    (
      "[[optimizer.groups]]\nmatch = [\"*.bias\"]\n[[optimizer.groups]]\nmatch = [\"*\", \"*.gain\"]",
      "runs/x.toml:12:15: optimizer.groups[1].match[1]: no tensor is called \"*.gain\"; the model has layers.0.weight, layers.0.bias, layers.1.weight, layers.1.bias"
    ),
    (
      "[[optimizer.groups]]\nmatch = []",
      "runs/x.toml:10:1: optimizer.groups[0].match: give one name at least"
    ),
    (
      "[[optimizer.groups]]\nmatch = [\"*\"]\nmatrix = true",
      "runs/x.toml:11:1: optimizer.groups[0].matrix: optimizer.kind \"adamw\" updates all tensors by one rule"
    ),
    (
      "[[optimizer.groups]]\nmatch = [\"*\"]\nrate = -1",
      "runs/x.toml:11:1: optimizer.groups[0].rate: wanted a number of at least 0, found -1"
    ),
    (
      "[[optimizer.groups]]\nmatch = [\"*\"]\nrates = 1",
      "runs/x.toml:11:1: optimizer.groups[0].rates: unknown key; did you mean rate?"
    ),
    (
      "[[optimizer.groups]]\nmatch = [\"*\"]\nclip = \"owm\"",
      "runs/x.toml:11:1: optimizer.groups[0].clip: \"owm\" is not one of shared, own; did you mean \"own\"?"
    ),
    (
      "[[optimizer.groups]]\nmatch = [\"*\"]\nrate = 0",
      "optimizer.groups: every tensor has rate = 0: nothing would be trained"
    ),
    (
      "decay = \"everything\"",
      "runs/x.toml:9: optimizer.decay: \"everything\" is not one of all, matrices"
    ),
    (
      "[[optimizer.groups]]\nmatch = [\"*.bias\"]\nclip = \"own\"\n[clip]\nrule = \"global\"\nscope = \"bound\"",
      "runs/x.toml:14: clip.scope: scope bound limits whole gradients: with optimizer.groups that are frozen, or clipped by a norm of their own, use mean-gradient"
    ),
  ])
  func mistakesAreNamedInOneLine(_ text: String, _ line: String) {
    #expect(failure(Self.model + text) == line)
  }

  @Test func aRuleWithoutDecayTakesNone() throws {
    struct Plain: OptimizerRule {
      static let kind = "plain"
      static let usualRate = 0.1
      init(_ keys: inout ExperimentReader) {}
      func update(_ step: UpdateStep) -> UpdateNorms { UpdateNorms() }
    }
    var registry = Registry()
    registry.register(Plain.self)
    let error = #expect(throws: ExperimentError.self) {
      try Experiment(
        text: "[optimizer]\nkind = \"plain\"\ngroups = [{ match = [\"*\"], weight_decay = 0.1 }]",
        source: "x.toml", overrides: [], registry: registry)
    }
    #expect(
      error?.description
        == "x.toml:3:28: optimizer.groups[0].weight_decay: optimizer.kind \"plain\" has no weight decay"
    )
  }

  /// The default of a model's kind is what a new experiment of it says.
  @Test func kindsOfModelHaveTheirUsualDecay() throws {
    struct Gained: ModelKind {
      static let kind = "gained"
      static let usualDecay = DecayedTensors.matrices
      init(_ keys: inout ExperimentReader) {}
      func model(for samples: SampleShape, seed: UInt64) throws(ExperimentError) -> any Model {
        throw ExperimentError("none")
      }
    }
    var registry = Registry()
    registry.register(Gained.self)
    func decay(_ text: String) throws -> DecayedTensors {
      let experiment = try Experiment(
        text: text, source: "x.toml", overrides: [], registry: registry)
      return experiment.decay
    }
    #expect(try decay("") == .all && decay("[model]\nkind = \"gained\"") == .matrices)
    #expect(try decay("[model]\nkind = \"gained\"\n[optimizer]\ndecay = \"all\"") == .all)
    for kind in ModelKinds.builtIn where kind.kind != "network" {
      #expect(kind.usualDecay == .all, "\(kind.kind)")
    }
    #expect(
      ModelKinds.choice(of: Gained.self).suits
        == [KeyDeclaration.Condition("optimizer.decay", "matrices")])
  }

  /// Files of every form that there is resolve to the newest; another number is refused by name.
  @Test func theFormOfAFileIsKnown() throws {
    for text in ["", "format = 1", "format = 2"] {
      #expect(try read(text).resolved.hasPrefix("format = 2\nname = "), "\(text)")
    }
    #expect(failure("format = 3") == "runs/x.toml:1: format: wanted 1 or 2, found 3")
    #expect(failure("seed = 2\nformat = 0") == "runs/x.toml:2: format: wanted 1 or 2, found 0")
    #expect(failure("format = \"2\"") == "runs/x.toml:1: format: wanted 1 or 2, found \"2\"")
  }

  /// A list of tables is one key of a resumed run's changes.
  @Test func otherGroupsAreAChangedKey() throws {
    let old = try read(Self.model + "[[optimizer.groups]]\nmatch = [\"*.bias\"]\nrate = 0")
    let new = try read(
      Self.model
        + "[[optimizer.groups]]\nmatch = [\"*.bias\"]\n[[optimizer.groups]]\nmatch = [\"*\"]\nrate = 2"
    )
    #expect(ChangedKeys(from: old.resolved, to: old).changes.isEmpty)
    #expect(
      ChangedKeys(from: old.resolved, to: new).changes == [
        ChangedKeys.Change(
          key: "optimizer.groups",
          from: "[ { match = [\"*.bias\"], rate = 0.0, clip = \"shared\" }, ]",
          to:
            "[ { match = [\"*.bias\"], rate = 1.0, clip = \"shared\" }, { match = [\"*\"], rate = 2.0, clip = \"shared\" }, ]"
        )
      ])
    let none = ChangedKeys(from: old.resolved, to: try read(Self.model))
    #expect(none.changes.map(\.key) == ["optimizer.groups"] && none.changes[0].to == nil)
    #expect(none.refused(sameData: true) == nil && none.continuation == nil)
  }

  /// Norms of other sets of tensors are another memory of a rule that has one.
  @Test func aClipsStateBelongsToItsGroups() throws {
    func tag(_ rule: String, _ groups: String) throws -> [String] {
      TrainerSettings(try read(Self.model, ["clip.rule=\(rule)", "optimizer.groups=\(groups)"]))
        .clipTag.settings
    }
    let own = "[{ match = [\"*.bias\"], clip = \"own\" }]"
    #expect(try tag("ema", "[]") == [] && tag("global", own) == [])
    #expect(try tag("ema", "[{ match = [\"*.bias\"], rate = 2 }]") == [])
    #expect(try tag("ema", own) == ["groups = [\"*.bias\"] own"])
  }
}
