import GradientNorms
import RankTesting
import Recording
import Reports
import Testing

struct TextTests {
  // D7: a run that diverges must not print 20 near-identical warnings.
  @Test func repeatedMessagesAreCounted() {
    var messages = RepeatedMessages()
    let shown = (1...20).filter {
      messages.admits(
        "step \($0) is skipped by all ranks: the norm \(Double($0) * 1e20) is not finite")
    }
    #expect(shown == [1, 2, 3])
    let admitsAnother = messages.admits("step 21: another reason")
    #expect(admitsAnother)
    let summary = messages.takeSummary()
    #expect(
      summary.count == 1
        && summary[0].hasPrefix("17 more messages like: step N is skipped by all ranks"))
    let (again, admitsMore) = (
      messages.takeSummary(),
      messages.admits("step 22 is skipped by all ranks: the norm 7 is not finite")
    )
    #expect(again.isEmpty && !admitsMore)
  }

  @Test(arguments: [
    (0.34124, "0.3412"), (12.3449, "12.34"), (1234.4, "1234"), (999_999.0, "999999"),
    (1e6, "1.00e+06"), (3.14e-7, "3.14e-07"), (0, "0"),
    (-2.5, "-2.500"), (9.99996, "10.000"), (1e-4, "0.0001000"),
  ]) func numbersHaveFourSignificantFigures(number: Double, text: String) {
    #expect(NumberFormat.formatted(number) == text)
  }

  @Test func missingNumbersAreDashes() {
    #expect(
      [
        NumberFormat.formatted(nil), NumberFormat.formatted(.nan), NumberFormat.rate(.infinity),
        NumberFormat.percent(nil), NumberFormat.clock(-1),
      ]
        == Array(repeating: "–", count: 5))
  }

  @Test(arguments: [
    (0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (-1000, "-1,000"),
    (Int.min, "-9,223,372,036,854,775,808"),
  ])
  func thousandsAreSeparated(number: Int, text: String) {
    #expect(NumberFormat.grouped(number) == text)
  }

  @Test(arguments: [
    (0.0, "0 %"), (0.0004, "0.0 %"), (0.004, "0.4 %"), (0.123, "12 %"), (0.9999, "99 %"),
    (1, "100 %"),
  ])
  func onlyAllIs100Percent(number: Double, text: String) {
    #expect(NumberFormat.percent(number) == text)
  }

  @Test(arguments: [(0.2, "0:01"), (59.0, "0:59"), (754, "12:34"), (3723, "1:02:03")])
  func secondsAreShownAsAClock(seconds: Double, text: String) {
    #expect(NumberFormat.clock(seconds) == text)
  }

  @Test func controlBytesCannotReachATerminal() {
    #expect(
      PlainText.sanitized("a\u{1B}[31mred\u{1B}[0m\u{7}\u{8}b\tc\u{9B}2J\u{202E}d") == "aredb c2Jd")
    #expect(PlainText.sanitized([0x61, 0xFF, 0x62]) == "a\u{FFFD}b")
    #expect(
      PlainText.sanitized("\u{1B}]0;title\u{7}x").unicodeScalars.allSatisfy { $0.value >= 0x20 })
    #expect(PlainText.sanitized(String(repeating: "x", count: 50), limit: 10) == "xxxxxxxxx…")
  }

  @Test func consecutiveRanksAreShownAsARange() {
    #expect(RankRanges.text([3]) == "rank 3")
    #expect(RankRanges.text([2, 0, 1, 7, 1]) == "ranks 0-2,7")
  }

  @Test func aProgressLineHasTheFiguresOfAStep() {
    #expect(
      ProgressText.line(Samples.progress)
        == "step 320/702  epoch 1.36  loss 0.4321  norm 1.203  clipped 12 %  23,412 samples/s  0:34 left"
    )
    var early = Samples.progress
    (early.step, early.skipped, early.secondsLeft, early.loss) = (1, 2, nil, nil)
    #expect(
      ProgressText.line(early)
        == "step   1/702  epoch 1.36  loss –  norm 1.203  clipped 12 %  skipped 2  23,412 samples/s"
    )
  }

  private func text(_ report: ConvergenceReport = Samples.report, style: TextStyle = .plain)
    -> String
  {
    ReportText(report, name: "fashion-mlp", place: "runs/fashion-mlp", style: style).text
  }

  @Test func theReportAsTextHasAllFigures() {
    #expect(
      text() == """
        fashion-mlp: noise floor
          the loss fell from 2.31 to 0.34

          trained      702 steps, 2.99 epochs, 179,712 samples on 3 ranks, 1 restart
          loss         0.3412, accuracy 0.8731
          perplexity   1.410
          norm         2.300 first, 0.8300 last, 5.120 largest; 12 % of steps clipped, 2 steps skipped
          certified    62 % of steps: the ranks' own norms proved that the clip would not act
          clip bias    scope worker: 4.3 % off the exact clip, cosine 0.9988 (mean of 71 measured steps)
          spike score  loss 1.3 %, norm 4.7 % of steps, 7.000 standard deviations off the 1,000 before
          noise scale  281 samples, where noise equals signal
          speed        23,412 samples/s; a step takes 10.93 ms (median), 14.21 ms (95th percentile)
          time         ███████████████████████████████████████████▓▓▓▓▓▓▓▓▓▓▓▓▒░░░·
                       █ compute 71 %   ▓ reduce 20 %   ▒ norm 2.0 %   ░ optimizer 6.0 %   · data 1.0 %

          skipped step 41: the gradient of layers.0.weight is not finite on rank 1 (node1)
          and 1 more skipped step

          rank  host        samples   last loss  local norm   waiting s  weights
             0  node0        59,904      0.3400       1.200        0.25  0123456789ab
             1  node1        59,905      0.3400       1.200        0.25  0123456789ab
             2  node2        59,906      0.3400       1.200        0.25  0123456789ab
          weights identical on all ranks

          runs/fashion-mlp

        """)
  }

  // A1
  @Test
  func theTextOfAReportNamesThePageWithoutLookingForIt()
    throws
  {
    let folder = TemporaryFolder()
    let run = RunDirectory(folder.path)
    #expect(run.placeToRead == folder.path)
    folder.write("", to: "report.html")
    #expect(run.placeToRead == folder.path + "/report.html")
    let text = ReportText(Samples.report, name: "x", place: folder.path).text
    #expect(text.hasSuffix("\n  \(folder.path)\n"))
  }

  @Test func theTextFits100ColumnsAndHasNoEscapeBytesWithoutColor() {
    var report = Samples.report
    report.reasons = [
      Array(repeating: "twelve words about the gradient norm, its slope and its noise", count: 5)
        .joined(separator: ", ")
    ]
    #expect(text(report).split(separator: "\n").allSatisfy { $0.count <= 100 })
    #expect(!text(report).contains("\u{1B}"))
    #expect(
      text(report, style: TextStyle(allowsEscapes: true, width: 100)).contains(
        "\u{1B}[1;32mnoise floor\u{1B}[0m"))
  }

  @Test func ranksWhoseWeightsDifferAreNamed() {
    var report = Samples.report
    report.ranks[1].weightsSHA256 = "ff"
    #expect(
      text(report).contains("\n  WEIGHTS DIFFER: rank 1 does not hold what the other ranks hold\n"))
    report.ranks[1].weightsSHA256 = nil
    #expect(text(report).contains("\n  weights not compared\n"))
  }

  @Test func aHostileReportCannotColorTheScreen() {
    var report = Samples.report
    report.reasons = ["\u{1B}[2J"]
    report.ranks[0].host = "a\u{1B}[31m"
    report.skips[0].text = "x\u{1B}[0m"
    #expect(!text(report).contains("\u{1B}"))
  }

  @Test func severalRunsAreShownSideBySide() {
    var other = Samples.report
    other.verdict = .diverged
    other.final.accuracy = nil
    let table = ReportTable([("a", Samples.report), ("long-name", other)]).text()
    #expect(
      table == """
        run        verdict      ranks  steps    loss   score    norm  clipped  skipped  samples/s  step ms
        a          noise floor      3    702  0.3412  0.8731  0.8300     12 %        2     23,412    10.93
        long-name  diverged         3    702  0.3412   1.410  0.8300     12 %        2     23,412    10.93

        """)
  }
}
