import Configuration
import ExperimentKeys
import Recording
import Reports
import Testing

/// Keys as a terminal shows them.
@Suite struct KeyTextTests {
  private let keys = Experiment.keyDeclarations()

  private func text(_ section: String?, width: Int = 80) throws -> String {
    try KeyText.text(keys, section: section, style: TextStyle(allowsEscapes: false, width: width))
  }

  @Test func aChoiceHasItsKeysWithDefaultsBoundsAndMeaning() throws {
    #expect(
      try text("clip.rule=per-layer") == """
        [clip] with rule = "per-layer"
        Each tensor by its own norm, to a part of the budget.
          max_norm = 1.0
              the whole budget (a finite number above 0)
          budget = "uniform"
              equal parts for all tensors, or parts by their number of elements (one of
              uniform, size)

        """)
    #expect(
      try text("model.kind = \"linear\"") == """
        [model] with kind = "linear"
        Least squares. It has no keys.

        """)
  }

  @Test func aKeyIsShownUnderEveryChoiceThatHasIt() throws {
    let limits = try text("clip.max_norm").split(separator: "\n")
    #expect(
      limits.filter { $0.hasPrefix("[clip] with rule = ") }.count == 5
        && limits.filter { $0.hasPrefix("  max_norm") }.count == 5)
    #expect(
      try text("data.path").contains("  path = \"table.csv\", for example: the key is needed"))
    #expect(try text("seed").hasPrefix("  seed = 1\n"))
    let nested = try text("model.initialization=normal")
    #expect(nested.contains("with initialization = \"normal\": standard deviation"))
  }

  @Test func aSectionHasAllOfItsChoices() throws {
    let model = try text("model")
    #expect(model.hasPrefix("[model]\n  kind = \"mlp\"\n"))
    #expect(model.contains("\n  init, not set by default\n") && !model.contains("[data]"))
    #expect(model.contains("[model] with kind = \"policy\""))
    #expect(try text(nil).contains("[checkpoint]"))
  }

  @Test func linesFitTheTerminal() throws {
    for width in [40, 80] {
      #expect(
        try text(nil, width: width).split(separator: "\n").filter { $0.count > width }.count < 8)
    }
  }

  @Test(arguments: [
    ("modle", "no section, choice or key modle; did you mean model?"),
    ("clip.max_nrom", "no section, choice or key clip.max_nrom; did you mean clip.max_norm?"),
    (
      "optimizer.kind=adam",
      "no section, choice or key optimizer.kind=adam; did you mean optimizer.kind=adamw?"
    ),
    ("max_norm", "no section, choice or key max_norm; did you mean clip.max_norm?"),
    (
      "xyzzyx-plugh",
      "no section, choice or key xyzzyx-plugh; the sections are model, data, training, optimizer, schedule, clip, regularization, guard, stop, evaluation, report, checkpoint"
    ),
  ])
  func whatIsNotThereIsAnsweredWithTheNearest(_ name: String, _ line: String) {
    let error = #expect(throws: ExperimentError.self) { try text(name) }
    #expect(error?.description == line)
  }
}
