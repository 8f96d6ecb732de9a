import Configuration
import ExperimentKeys
import Foundation
import GradientNorms
import Recording
import Reports
import Testing
import Vectors

/// What is declared of an experiment's keys, compared with what experiments of every kind read.
@Suite struct DeclaredKeysTests {
  private let keys = Experiment.keyDeclarations()

  /// Each choice of each key, with what it takes to get there.
  private var choices: [[String]] {
    keys.filter { !$0.path.contains("[]") }.flatMap { key in
      key.choices.map { choice in
        let made = key.conditions + [KeyDeclaration.Condition(key.path, choice.name)]
        // Two rules work on a mean of squares, which the default optimiser does not have.
        let optimizer =
          key.path == "clip.rule" && choice.name.hasSuffix("spam") ? ["optimizer.kind=adamw"] : []
        return made.map { "\($0.key)=\($0.name)" } + optimizer
      }
    }
  }

  private func has(_ experiment: Experiment, _ condition: KeyDeclaration.Condition) -> Bool {
    experiment.value(condition.key) == tomlString(condition.name)
  }

  /// What an experiment with these choices has to give. An entry's keys are needed where there is
  /// an entry.
  private func needed(_ choices: [String]) -> [String] {
    keys.filter { key in
      key.isNeeded && !key.path.contains("[]")
        && key.conditions.allSatisfy { choices.contains("\($0.key)=\($0.name)") }
    }.map { "\($0.path)=\($0.example ?? "")" }
  }

  @Test func everyChoiceReadsTheKeysThatItDeclares() throws {
    #expect(choices.count > 60)
    for made in choices {
      let experiment = try Experiment(
        text: "", source: "page.toml", overrides: made + needed(made))
      let declared = keys.filter {
        !$0.path.contains("[]") && $0.conditions.allSatisfy { has(experiment, $0) }
      }
      #expect(Set(declared.map(\.path)) == experiment.keys, "\(made)")
      for key in declared
      where !key.isNeeded && !made.contains(where: { $0.hasPrefix(key.path + "=") }) {
        let usual = [
          "optimizer.decay": experiment.decay.rawValue, "clip.of": experiment.clipTarget.rawValue,
        ][key.path]
        #expect(
          experiment.value(key.path) == usual.map { tomlString($0) } ?? key.defaultValue,
          "\(key.path) of \(made)")
      }
    }
  }

  @Test func whatIsNeededIsMissed() {
    for key in keys where key.isNeeded && !key.path.contains("[]") {
      let made = key.conditions.map { "\($0.key)=\($0.name)" }
      #expect(throws: ExperimentError.self, "\(key.path)") {
        try Experiment(text: "", source: "page.toml", overrides: made)
      }
    }
  }

  @Test func everyKeyAndEveryBuiltInKindIsExplained() {
    for key in keys {
      #expect(!key.help.isEmpty && !key.bounds.isEmpty && !key.help.hasSuffix("."), "\(key.path)")
      guard
        ["model.kind", "data.kind", "optimizer.kind", "schedule.kind", "clip.rule", "stop.rule"]
          .contains(key.path)
      else { continue }
      for choice in key.choices {
        #expect(choice.summary.hasSuffix("."), "\(key.path) \(choice.name)")
      }
    }
  }

  @Test func programsSendEachOtherDeclarations() throws {
    var json = JSONText()
    json.array(keys) { $0.value($1) }
    let read = try JSONDecoder().decode([KeyDeclaration].self, from: Data(json.bytes))
    #expect(read == keys)
  }

  @Test func aNewExperimentOfEveryKindResolvesToTheDefaults() throws {
    let models = try #require(keys.first { $0.path == "model.kind" })
    for choice in models.choices {
      let text = try InitText.experiment(kind: choice.name, keys)
      let new = try Experiment(text: text, source: "new.toml", overrides: [])
      let suits = choice.suits.map { "\($0.key)=\($0.name)" }
      let needed = keys.filter {
        $0.isNeeded && $0.conditions == [KeyDeclaration.Condition("model.kind", choice.name)]
      }.map { "\($0.path)=\($0.example ?? "")" }
      let plain = try Experiment(
        text: "", source: "new.toml", overrides: ["model.kind=\(choice.name)"] + needed + suits)
      #expect(new.resolved == plain.resolved && new.ignoredKeys == [])
      try new.checkFit()
      #expect(text.split(separator: "\n").allSatisfy { $0.count <= 100 || !$0.hasPrefix("# ") })
    }
    #expect(try InitText.experiment(keys) == InitText.experiment(kind: "mlp", keys))
  }

  /// Every key that is not set can be: one line at a time.
  @Test func whatANewExperimentOnlyMentionsCanBeSet() throws {
    for kind in ["mlp", "gpt"] {
      let lines = try InitText.experiment(kind: kind, keys).split(separator: "\n").map(String.init)
      let mentioned = lines.indices.filter {
        lines[$0].hasPrefix("#") && !lines[$0].hasPrefix("# ") && !lines[$0].hasSuffix("…")
      }
      #expect(mentioned.count > 15)
      for index in mentioned {
        var changed = lines
        changed[index].removeFirst()
        _ = try Experiment(
          text: changed.joined(separator: "\n"), source: "new.toml", overrides: [])
      }
    }
  }

  @Test func kindsThatAProgramRegistersAreDeclared() throws {
    struct Shrink: ClipRule {
      static let kind = "shrink"
      static let summary = "Every gradient by one factor."
      init(_ keys: inout ExperimentReader) throws(ExperimentError) {
        _ = try keys.number("factor", default: 0.5, in: 0...1, "what each is multiplied by")
      }
    }
    var registry = Registry()
    registry.register(Shrink.self)
    let keys = Experiment.keyDeclarations(registry: registry)
    let factor = try #require(keys.first { $0.path == "clip.factor" })
    #expect(factor.conditions == [.init("clip.rule", "shrink")] && factor.defaultValue == "0.5")
    #expect(
      try KeyText.text(keys, section: "clip.rule=shrink", style: .plain) == """
        [clip] with rule = "shrink"
        Every gradient by one factor.
          factor = 0.5
              what each is multiplied by (a number of at least 0 and at most 1)

        """)
  }

  @Test func anUnknownKindOfModelIsAnsweredWithTheNearest() {
    func failure(_ kind: String) -> String? {
      do { _ = try InitText.experiment(kind: kind, keys) } catch { return error.description }
      return nil
    }
    #expect(failure("gptt") == "no kind of model gptt; did you mean gpt?")
    #expect(failure("transformer")?.hasPrefix("no kind of model transformer; known: mlp, ") == true)
  }
}

extension Experiment {
  /// A key's value in the resolved file.
  fileprivate func value(_ path: String) -> String? {
    var section = ""
    for line in resolved.split(separator: "\n") {
      if line.hasPrefix("[") {
        section = line.dropFirst().dropLast() + "."
      } else if let equals = line.range(of: " = "), section + line[..<equals.lowerBound] == path {
        return String(line[equals.upperBound...])
      }
    }
    return nil
  }
}
