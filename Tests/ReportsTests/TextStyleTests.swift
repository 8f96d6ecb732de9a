import Recording
import Reports
import Testing

/// How wide text is and whether it may hold escape codes; fault list F.
struct TextStyleTests {
  private func style(_ variables: [String: String], isTerminal: Bool = true, columns: Int? = 60)
    -> TextStyle
  {
    TextStyle(isTerminal: isTerminal, columns: columns) { variables[$0] }
  }

  @Test func escapeCodesNeedATerminalThatKnowsThemAndAUserWhoWantsThem() {
    #expect(style(["TERM": "xterm"]).allowsEscapes)
    #expect(
      style(["TERM": "xterm", "NO_COLOR": ""]).allowsEscapes,
      "no-color.org: an empty value means nothing")
    #expect(!style(["TERM": "xterm", "NO_COLOR": "1"]).allowsEscapes)
    #expect(!style(["TERM": "dumb"]).allowsEscapes && !style([:]).allowsEscapes)
    #expect(!style(["TERM": "xterm"], isTerminal: false).allowsEscapes)
  }

  @Test func theWidthIsColumnsThenTheTerminalThenFixed() {
    #expect(
      style(["COLUMNS": "72"]).width == 72
        && style(["COLUMNS": "72"], isTerminal: false).width == 72)
    #expect(
      style([:]).width == 60 && style(["COLUMNS": "wide"]).width == 60
        && style(["COLUMNS": "0"]).width == 60)
    #expect(style([:], columns: nil).width == 100 && style([:], isTerminal: false).width == 100)
    #expect(style(["COLUMNS": "1"]).width == 20)
  }

  @Test func linesAreBrokenBetweenWordsOnly() {
    #expect(WrappedText.lines("one two three", indent: 2, width: 9) == ["  one two", "   three"])
    #expect(WrappedText.lines("of 100 % clipped", indent: 0, width: 20) == ["of 100 % clipped"])
    #expect(
      WrappedText.lines("aaaa of 12 % clipped", indent: 0, hanging: 0, width: 10) == [
        "aaaa of", "12 %", "clipped",
      ])
    #expect(
      WrappedText.lines("a /a/path/longer/than/a/line b", indent: 0, hanging: 0, width: 10) == [
        "a", "/a/path/longer/than/a/line", "b",
      ])
    #expect(WrappedText.lines("", indent: 2, width: 10) == ["  "])
  }

  @Test func aTableThatDoesNotFitIsAParagraphARow() {
    let rows = [["run", "loss", "steps"], ["first", "0.25", "1,000"]]
    #expect(
      TextColumns.lines(rows, style: TextStyle(allowsEscapes: false, width: 19)) { $0 < 1 } == [
        "run    loss  steps", "first  0.25  1,000",
      ])
    #expect(
      TextColumns.lines(rows, style: TextStyle(allowsEscapes: false, width: 17)) { $0 < 1 } == [
        "run first:", "  loss 0.25,", "  steps 1,000",
      ])
  }

  @Test(arguments: [30, 40, 60, 80, 132]) func aReportFitsAnyWidthAndItsWordsAreWhole(
    width: Int
  ) {
    var report = Samples.report
    report.reasons = [
      Array(repeating: "twelve words about the gradient norm, its slope and its noise", count: 5)
        .joined(separator: ", ")
    ]
    func text(_ width: Int) -> String {
      ReportText(
        report, name: "mlp", place: "runs/mlp", style: TextStyle(allowsEscapes: false, width: width)
      ).text
    }
    #expect(text(width).split(separator: "\n").allSatisfy { $0.count <= width }, "\(text(width))")
    // The words are the same at any width, except for the names of the table's cells and the cells
    // of the bar.
    func words(_ text: String) -> Set<Substring> {
      Set(text.prefix(while: { $0 != "█" }).split { $0 == " " || $0 == "\n" || $0 == ":" })
    }
    #expect(words(text(width)) == words(text(100)))
    for rank in report.ranks {
      #expect(text(width).contains("0123456789ab") && text(width).contains(rank.host))
    }
  }
}
