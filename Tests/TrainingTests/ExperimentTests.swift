import Configuration
import Data
import ExperimentKeys
import Foundation
import GradientNorms
import Models
import Optimizers
import RankTesting
import Testing
import Training

/// The error that an experiment's text gives, or nil.
private func failure(_ text: String, _ overrides: String...) -> String? {
  do {
    _ = try Experiment(text: text, source: "runs/x.toml", overrides: overrides)
    return nil
  } catch {
    return error.description
  }
}

private let dataNames = DataKinds.builtIn.map { $0.kind }.joined(separator: ", ")

@Suite struct ExperimentTests {
  /// Each mistake, and the whole line of its error.
  @Test(arguments: [
    (
      "seed = 1\n\n[training]\nstpes = 5",
      "runs/x.toml:4: training.stpes: unknown key; did you mean steps?"
    ),
    (
      "[training]\nmini_batch = 5",
      "runs/x.toml:2: training.mini_batch: unknown key; did you mean micro_batch?"
    ),
    (
      "[optimizer]\nfoo = 1",
      "runs/x.toml:2: optimizer.foo: unknown key; known here: decay, groups, kind, learning_rate, weight_decay"
    ),
    (
      "[training]\nlearning_rate = 1",
      "runs/x.toml:2: training.learning_rate: unknown key; it belongs in [optimizer]"
    ),
    ("steps = 5", "runs/x.toml:1: steps: unknown key; it belongs in [training]"),
    (
      "# a\n[optimiser]\nkind = \"sgd\"",
      "runs/x.toml:2: optimiser: unknown section; did you mean [optimizer]?"
    ),
    ("model = 3", "runs/x.toml:1: model: wanted a section [model], found a whole number"),
    (
      "[training]\nsteps = \"5\"",
      "runs/x.toml:2: training.steps: wanted a whole number of at least 1 and at most 2147483647, found \"5\""
    ),
    (
      "[training]\nsteps = 5.0",
      "runs/x.toml:2: training.steps: wanted a whole number of at least 1 and at most 2147483647, found 5.0"
    ),
    (
      "[training]\nsteps = 0",
      "runs/x.toml:2: training.steps: wanted a whole number of at least 1 and at most 2147483647, found 0"
    ),
    (
      "[model]\nhidden = [8, 0]",
      "runs/x.toml:2: model.hidden: wanted a list of whole numbers of at least 1, found a list"
    ),
    (
      "[optimizer]\nlearning_rate = -0.1",
      "runs/x.toml:2: optimizer.learning_rate: wanted a number above 0, found -0.1"
    ),
    (
      "[optimizer]\nlearning_rate = inf",
      "runs/x.toml:2: optimizer.learning_rate: wanted a finite number above 0, found inf"
    ),
    (
      "[optimizer]\nlearning_rate = true",
      "runs/x.toml:2: optimizer.learning_rate: wanted a number above 0, found true"
    ),
    (
      "[optimizer]\nkind = \"momentum\"\nmomentum = 1",
      "runs/x.toml:3: optimizer.momentum: wanted a number of at least 0 and below 1, found 1"
    ),
    (
      "[clip]\nrule = \"global\"\nmax_norm = nan",
      "runs/x.toml:3: clip.max_norm: wanted a finite number above 0, found nan"
    ),
    (
      "[clip]\nrule = \"global\"\nmax_norm = inf",
      "runs/x.toml:3: clip.max_norm: wanted a finite number above 0, found inf"
    ),
    (
      "[clip]\nrule = \"global\"\nmax_norm = 0",
      "runs/x.toml:3: clip.max_norm: wanted a finite number above 0, found 0"
    ),
    (
      "[training]\nepochs = 2\nsteps = 5",
      "runs/x.toml:3: training.steps: give steps or epochs, not both"
    ),
    (
      "[data]\nkind = \"idx\"",
      "runs/x.toml: data.path: data of kind idx needs the directory of its four files"
    ),
    (
      "[model]\nkind = \"gpt\"\nwidth = 100\nheads = 3",
      "runs/x.toml:3: model.width: a width of 100 cannot be divided among 3 heads"
    ),
    (
      "[model]\nkind = \"lstm\"\nflavour = 2",
      "runs/x.toml:3: model.flavour: unknown key; known here: embedding, hidden, init, initialization, kind"
    ),
    (
      "[schedule]\nkind = \"cosine\"\nfinal_rate = 0.1",
      "runs/x.toml:3: schedule.final_rate: 0.1 is above optimizer.learning_rate = 0.05, which the schedule falls from: give at most that"
    ),
    (
      "name = \"a/b\"",
      "runs/x.toml:1: name: \"a/b\" names the run's directory: not empty, no slash, no leading dot"
    ),
  ])
  func mistakesAreNamedInOneLine(_ text: String, _ line: String) {
    #expect(failure(text) == line)
  }

  @Test func aWrongNameIsAnsweredWithTheNearest() throws {
    let kind = try #require(failure("[optimizer]\nkind = \"adam\""))
    #expect(
      kind.hasPrefix("runs/x.toml:2: optimizer.kind: \"adam\" is not one of ")
        && kind.hasSuffix("; did you mean \"adamw\"?"))
    let far = try #require(failure("[data]\nkind = \"xyzzy\""))
    #expect(!far.contains("did you mean"))
  }

  @Test func whatCannotBeSharedIsRefused() throws {
    let key = "gradient = \"replicated\""
    let error = try #require(failure("[training]\nexchange = \"shared\"\n\(key)"))
    #expect(
      error.hasPrefix("runs/x.toml:2: training.exchange: \"shared\" ")
        && error.contains("with \(key) use \"messages\""), "\(error)")
    #expect(
      failure("[training]\nexchange = \"messages\"\n\(key)") == nil
        && failure("[training]\n\(key)") == nil)
  }

  @Test(arguments: [
    ("a = 1\nb = = 2", 2), ("[model\n", 1), ("[data]\nkind = \"blobs", 2),
    ("seed = 1\nseed = 2", 2), ("x = 1 y = 2", 1),
  ])
  func invalidTOMLIsReportedWithItsLine(_ text: String, _ line: Int) throws {
    let error = try #require(failure(text))
    #expect(error.hasPrefix("runs/x.toml:\(line): not TOML: ") && !error.contains("\n"), "\(error)")
  }

  @Test func overridesReplaceKeys() throws {
    func read(_ overrides: String...) throws -> Experiment {
      try Experiment(
        text: "name = \"a\"\n[training]\nepochs = 3\n[clip]\nrule = \"global\"", source: "x.toml",
        overrides: overrides)
    }
    #expect(
      try read("name=b").name == "b" && read("name=\"b c\"").name == "b c"
        && read(" name = 'b' ").name == "b")
    #expect(try read("clip.rule=none").clip is NoClip && read("clip.rule=\"none\"").clip is NoClip)
    #expect(
      try read("clip.max_norm=2.5").clip as? GlobalClip == GlobalClip(maxNorm: 2.5)
        && read("clip.max_norm=2").clip as? GlobalClip == GlobalClip(maxNorm: 2))
    for hidden in [[3, 4], []] {
      #expect((try read("model.hidden=\(hidden)").model.recipe as? MLPKind)?.hidden == hidden)
    }
    #expect(
      try read("training.global_batch=10", "training.global_batch=12").training.globalBatch == 12)
    #expect(try read("optimizer.learning_rate=1e-3", "optimizer.kind=adamw").learningRate == 1e-3)
    // A length given on the command line takes the place of the file's.
    #expect(try read("training.steps=7").training.length == .steps(7))
    #expect(try read("training.epochs=7").training.length == .epochs(7))
    #expect(throws: ExperimentError.self) { try read("training.steps=7", "training.epochs=2") }
  }

  @Test(arguments: [
    ("steps", "--set steps: wanted key.path=value"),
    ("=5", "--set =5: wanted key.path=value"),
    ("training.=5", "--set training.=5: wanted key.path=value, such as training.steps=100"),
    ("a.b.c.d=5", "--set a.b.c.d=5: wanted key.path=value, such as training.steps=100"),
    ("training.stpes=5", "--set training.stpes: unknown key; did you mean steps?"),
    (
      "training.steps=many",
      "--set training.steps: wanted a whole number of at least 1 and at most 2147483647, found \"many\""
    ),
    ("clip.max_norm=nan", "--set clip.max_norm: wanted a finite number above 0, found nan"),
    (
      "data.kind=blob",
      "--set data.kind: \"blob\" is not one of \(dataNames); did you mean \"blobs\"?"
    ),
  ])
  func wrongOverridesNameThemselves(_ override: String, _ line: String) {
    #expect(failure("[clip]\nrule = \"global\"", override) == line)
  }

  /// The resolved file has all keys, is read back as the same experiment, and resolves to itself.
  @Test(arguments: [
    "", "name = \"quoted \\\" \\\\ \\u0007 é\"\nseed = 9007199254740993",
    "[model]\nhidden = []\nactivation = \"sigmoid\"\ninit = \"w.safetensors\"\n[data]\npath = \"sets\"\norder = \"sequential\"",
    "[model]\nkind = \"logistic\"\n[data]\nkind = \"blobs\"\nspread = 1e-9\n[training]\nsteps = 1_000\ngradient = \"replicated\"",
    "[optimizer]\nkind = \"adamw\"\nlearning_rate = 3e-4\nbeta2 = 0.95\n[schedule]\nkind = \"warmup-cosine\"\nfinal_rate = 1e-5",
    "optimizer = { kind = \"momentum\", weight_decay = 1e22 }\nclip = { rule = \"global\", max_norm = 0.1 }\ncheckpoint.every = 5",
  ])
  func theResolvedFileIsAFixedPoint(_ text: String) throws {
    let first = try Experiment(text: text, source: "/tmp/x.toml", overrides: ["report.every=3"])
    // Read elsewhere: paths are absolute by now.
    let second = try Experiment(text: first.resolved, source: "/usr/y.toml", overrides: [])
    #expect(second.resolved == first.resolved)
    #expect(second.name == first.name && second.seed == first.seed && second.report.every == 3)
    #expect(
      "\(second.model.recipe)" == "\(first.model.recipe)" && second.model.start == first.model.start
    )
    #expect(
      "\(second.data.recipe)" == "\(first.data.recipe)" && second.data.order == first.data.order)
    #expect(
      second.training.length == first.training.length
        && second.training.gradient == first.training.gradient)
    #expect(
      "\(second.optimizer)" == "\(first.optimizer)" && second.learningRate == first.learningRate
        && "\(second.schedule)" == "\(first.schedule)")
    #expect(
      "\(second.clip)" == "\(first.clip)" && second.checkpoint.every == first.checkpoint.every)
  }

  @Test func oneLineSwitchesTheKindOfModelOrData() throws {
    let text =
      "[model]\nkind = \"cnn\"\nhidden = [3]\nlayers = 2\n[data]\nkind = \"fashion-mnist\"\ncontext = 8"
    let switched = try Experiment(text: text, source: "x.toml", overrides: [])
    #expect(switched.ignoredKeys == ["data.context", "model.hidden", "model.layers"])
    #expect(!switched.resolved.contains("hidden") && !switched.resolved.contains("context"))
    #expect(throws: ExperimentError.self) {
      try Experiment(text: text + "\nspreat = 1", source: "x.toml", overrides: [])
    }
    let rules =
      "[clip]\nrule = \"global\"\nmax_norm = 2\n[optimizer]\nkind = \"momentum\"\nmomentum = 0.8"
    let unclipped = try Experiment(
      text: rules, source: "x.toml", overrides: ["clip.rule=none", "optimizer.kind=sgd"])
    #expect(
      unclipped.clip is NoClip && unclipped.ignoredKeys == ["clip.max_norm", "optimizer.momentum"])
    let grown =
      "[schedule]\nbatch = \"noise-scale\"\nmax_batch = 512\n[model]\ninitialization = \"normal\"\ninitialization_std = 0.1"
    let fixed = try Experiment(
      text: grown, source: "x.toml",
      overrides: ["schedule.batch=constant", "model.initialization=default"])
    #expect(
      fixed.batchGrowth == nil
        && fixed.ignoredKeys == ["model.initialization_std", "schedule.max_batch"])
  }

  @Test func pathsAreRelativeToTheFileOrTheCommandLine() throws {
    let folder = TemporaryFolder()
    let file = folder.write(
      "[model]\ninit = \"start/w.safetensors\"\n[data]\npath = \"/abs/olute\"", to: "x.toml")
    let real = URL(filePath: folder.path).resolvingSymlinksInPath().path
    let here = FileManager.default.currentDirectoryPath
    let plain = try Experiment(contentsOf: file, overrides: [])
    #expect(
      plain.model.start == real + "/start/w.safetensors"
        && (plain.data.recipe as? FashionMNISTKind)?.directory == "/abs/olute")
    let overridden = try Experiment(
      contentsOf: file, overrides: ["model.init=w.safetensors", "data.path=/elsewhere"])
    #expect(
      overridden.model.start == here + "/w.safetensors"
        && (overridden.data.recipe as? FashionMNISTKind)?.directory == "/elsewhere")
    #expect(throws: ExperimentError.self) {
      try Experiment(contentsOf: file, overrides: ["data.path=\"\""])
    }
    #expect(throws: ExperimentError.self) {
      try Experiment(contentsOf: folder.path + "/none.toml", overrides: [])
    }
  }

  @Test func defaultsAreThoseOfTheContract() throws {
    let plain = try Experiment(text: "", source: "x.toml", overrides: [])
    #expect(
      plain.seed == 1 && plain.model.recipe is MLPKind && plain.data.recipe is FashionMNISTKind
        && plain.data.order == .shuffled)
    #expect(
      plain.clip is NoClip && plain.schedule is ConstantRate && plain.checkpoint.every == nil
        && plain.checkpoint.keep == 3)
    #expect(
      plain.training.length == .epochs(1) && plain.training.globalBatch == 256
        && plain.training.microBatch == 32)
  }
}
