import Foundation
import FoundationXML
import GradientNorms
import RankTesting
import Recording
import Reports
import Testing

/// Pages of runs that are whole, empty, torn or full of NaN, read by Foundation's XML parser.
@Suite struct PageTests {
  static func step(
    _ number: Int, loss: Double?, norm: Double?, layers: Int = 3, action: StepRecord.Action = .step
  ) -> StepRecord {
    StepRecord(
      step: number, epoch: Double(number) / 100, samples: number * 64, loss: loss,
      learningRate: 0.01,
      norm: .init(
        global: norm, applied: norm.map { min(1, $0) }, coefficient: norm.map { min(1, 1 / $0) },
        threshold: 1,
        localRMS: norm.map { $0 * 2 },
        maxLocal: .init(value: norm.map { $0 * 3 }, rank: 1),
        layers: (0..<layers).map {
          NamedNumber("transformer.h.\($0).attn.c_attn.weight", norm.map { $0 / 2 })
        }),
      noise: .init(signal: 0.5, variance: 20, scale: norm == nil ? nil : 40), action: action,
      reason: action == .skip ? "the gradient of <b>x</b> is not finite" : nil, updateNorm: 0.01,
      weightNorm: 3,
      seconds: .init(
        total: 0.01, data: 0, compute: 0.008, reduce: 0.001, norm: 0.0005, optimizer: 0.0005))
  }

  /// A run directory as the recorder writes it.
  static func run(
    _ folder: TemporaryFolder, _ name: String, steps: [StepRecord],
    report: ConvergenceReport? = nil
  ) throws
    -> RunDirectory
  {
    let directory = RunDirectory(folder.path + "/" + name)
    try RunDirectory.make(directory.path)
    var metrics = try JSONLinesFile(creating: directory.metrics)
    for step in steps { try metrics.append(step) }
    var ranks = try JSONLinesFile(creating: directory.ranks)
    for rank in 0..<3 where !steps.isEmpty {
      try ranks.append(
        RankRecord(
          rank: rank, host: "node<\(rank)>", step: 10, samples: 640, loss: 1, localNorm: 2,
          seconds: .init(data: 0.1, compute: 3, reduce: 1 + Double(rank), norm: 0.5, optimizer: 0.2)
        ))
    }
    if let report { try JSONFile.write(report, to: directory.report) }
    folder.write(
      "name = \"\(name)\"\n\n[clip]\nmax_norm = \(name.count) # <script>\n",
      to: name + "/experiment.toml")
    return directory
  }

  /// The words of a page; nil where it is not well-formed or loads anything from elsewhere.
  static func words(_ html: String) -> String? {
    final class Reader: NSObject, XMLParserDelegate {
      var words = ""
      var isAlone = true
      func parser(_ parser: XMLParser, foundCharacters string: String) { words += string }
      func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
        qualifiedName: String?, attributes: [String: String]
      ) {
        if ["script", "img", "iframe", "object", "image", "use"].contains(name) { isAlone = false }
        for key in ["src", "href", "xlink:href"] {
          if let target = attributes[key], target != "data:," { isAlone = false }
        }
        if attributes.keys.contains(where: { $0.hasPrefix("on") }) { isAlone = false }
      }
    }
    let reader = Reader()
    let parser = XMLParser(data: Data(html.utf8))
    parser.delegate = reader
    return parser.parse() && reader.isAlone && !html.contains("url(") && !html.contains("@import")
      ? reader.words : nil
  }

  @Test func aRunsPageShowsTheContentOfItsFiles() throws {
    let folder = TemporaryFolder()
    var steps = (1...300).map { Self.step($0, loss: 2 / Double($0), norm: 3 / Double($0)) }
    steps[41] = Self.step(42, loss: nil, norm: nil, action: .skip)
    let run = try Self.run(folder, "good", steps: steps, report: Samples.report)
    let html = RunPage(RunRecords(run)).html
    let words = try #require(Self.words(html))
    for wanted in [
      "noise floor", "the loss fell from 2.31 to 0.34", "0.8731",
      "transformer.h.2.attn.c_attn.weight", "noise floor √(trΣ/B)", "threshold",
      "clip rate", "critical batch", "Learning rate", "Update ÷ weights", "waiting",
      "weights identical on all ranks", "max_norm = 4",
      "Step 41: the gradient of layers.0.weight", "skipped step", "1 more step skipped", "restarts",
    ] {
      let isThere = words.contains(wanted)
      #expect(isThere, "\(wanted)")
    }
    #expect(html == RunPage(RunRecords(run)).html)
    // Of rank 2's 6.8 seconds two are waiting for rank 0: its calls that wait took that much
    // longer.
    let waits = words.contains("rank 2, waiting: 2, 29.4 %")
    #expect(waits)
  }

  /// Of a run whose clip limits the update there is a chart of that.
  @Test func aClippedUpdateHasAChart() throws {
    let folder = TemporaryFolder()
    var steps = (1...40).map { Self.step($0, loss: 2, norm: 3) }
    let plain = try Self.run(folder, "plain", steps: steps)
    let title = "Norm of the update and threshold"
    #expect(try !#require(Self.words(RunPage(RunRecords(plain)).html)).contains(title))
    for index in steps.indices {
      steps[index].norm.update = .init(
        norm: Double(index), applied: min(Double(index), 20), coefficient: 1, threshold: 20)
    }
    let clipped = try Self.run(folder, "clipped", steps: steps)
    let words = try #require(Self.words(RunPage(RunRecords(clipped)).html))
    #expect(words.contains(title) && words.contains("‖u‖, before clipping"))
  }

  @Test func theNoisiestTensorsAreListed() throws {
    let folder = TemporaryFolder()
    var steps = (1...12).map { Self.step($0, loss: 1, norm: 2) }
    let none = try Self.run(folder, "none", steps: steps)
    #expect(!RunPage(RunRecords(none)).html.contains("Noise of the tensors"))
    steps[9].noise.layers = (0..<3).map {
      .init(
        name: "transformer.h.\($0).attn.c_attn.weight", signal: 0.5, variance: 4,
        scale: $0 == 0 ? nil : Double(1000 * $0))
    }
    let run = try Self.run(folder, "noisy", steps: steps)
    let words = try #require(Self.words(RunPage(RunRecords(run)).html))
    let table = try #require(words.range(of: "up to step 10; resolved for 2 of 3 tensors"))
    let rest = words[table.upperBound...]
    let first = try #require(rest.range(of: "h.2.attn"))
    let second = try #require(rest.range(of: "h.1.attn"))
    #expect(first.lowerBound < second.lowerBound)
  }

  @Test func missingAndBrokenFilesAreShownAsThat() throws {
    let folder = TemporaryFolder()
    let empty = try Self.run(folder, "empty", steps: [])
    #expect(
      try #require(Self.words(RunPage(RunRecords(empty)).html)).contains("No step is recorded."))
    let one = try Self.run(folder, "one", steps: [Self.step(1, loss: 2, norm: 1)])
    #expect(
      try #require(Self.words(RunPage(RunRecords(one)).html)).contains("Steps up to 1 are recorded")
    )
    let lost = try Self.run(
      folder, "nan", steps: (1...50).map { Self.step($0, loss: nil, norm: nil, action: .skip) })
    let failed = try #require(
      Self.words(RunPage(RunRecords(lost, failure: "rank 1 on <host> was killed")).html))
    #expect(
      failed.contains("The run failed: rank 1 on <host> was killed") && failed.contains("✗ failed"))
    #expect(
      failed.contains("no values")
        && failed.contains("Step 1: the gradient of <b>x</b> is not finite")
        && failed.contains("30 more steps"))
    let wild = try Self.run(
      folder, "wild",
      steps: (1...90).map { Self.step($0, loss: exp(Double($0) * 8), norm: exp(Double($0) * 3)) })
    #expect(Self.words(RunPage(RunRecords(wild)).html) != nil)
    // A torn and a damaged file: the page shows the records before the damage, and where they end.
    let whole = try folder.text("wild/metrics.jsonl")
    folder.write(
      whole.split(separator: "\n").prefix(20).joined(separator: "\n") + "\n{\"step\":\n{}\n",
      to: "wild/metrics.jsonl")
    folder.write("{", to: "wild/report.json")
    let damaged = try #require(Self.words(RunPage(RunRecords(wild)).html))
    #expect(
      damaged.contains("line 21") && damaged.contains("report.json")
        && damaged.contains("Steps up to 20 are recorded"))
    // Nothing at all.
    #expect(Self.words(RunPage(RunRecords(RunDirectory(folder.path + "/none"))).html) != nil)
  }

  @Test func tenThousandStepsStayUnderAMegabyteAndKeepTheirSpike() throws {
    let folder = TemporaryFolder()
    var seed = UInt64(1)
    func noise() -> Double {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(seed >> 11) / Double(1 << 53)
    }
    var steps = (1...10_000).map {
      Self.step($0, loss: 0.5 + noise(), norm: 0.5 + noise(), layers: 74)
    }
    steps[7776] = Self.step(7777, loss: 1, norm: 4321)
    let run = try Self.run(folder, "long", steps: steps, report: Samples.report)
    let html = RunPage(RunRecords(run)).html
    #expect(html.utf8.count < 1_000_000, "\(html.utf8.count)")
    #expect(try #require(Self.words(html)).contains("highest 4321"))
    // Read in part, as a resumed run reads the earlier records: fewer steps, the same batch.
    let part = try #require(Self.words(RunPage(RunRecords(run, limit: 4 << 20)).html))
    let isInPart = part.contains("Drawn is one step in") && part.contains("batch: 64 at 1, 64 at")
    #expect(isInPart)
    print("10,000 steps of 74 tensors: \(html.utf8.count / 1024) KB")
  }

  /// Evaluations of rows held out are curves over the training loss, and a chart of the score.
  @Test func evaluationsAreDrawn() throws {
    let folder = TemporaryFolder()
    let steps = (1...40).map { Self.step($0, loss: 2 / Double($0), norm: 1) }
    let run = try Self.run(folder, "a", steps: steps, report: Samples.report)
    #expect(
      try #require(Self.words(RunPage(RunRecords(run)).html)).contains("held out, at the end:"))
    var file = try JSONLinesFile(creating: run.evaluations)
    for step in stride(from: 10, through: 40, by: 10) {
      let loss = 3 - Double(step) / 20
      try file.append(
        EvaluationRecord(
          step: step, epoch: 1, scores: Scores(loss: loss, score: NamedNumber("accuracy", 0.5)),
          average: Scores(loss: loss - 0.25, score: NamedNumber("accuracy", 0.75))))
    }
    let records = RunRecords(run)
    #expect(records.notes.isEmpty, "\(records.notes)")
    let words = try #require(Self.words(RunPage(records).html))
    for wanted in [
      "held out: 2.50 at 10, 1 at 40", "held out, mean of the weights: 2.25 at 10, 0.750 at 40",
      "test set, at the end:", "Score on rows held out", "mean of the weights: 0.750 at 10",
    ] { #expect(words.contains(wanted), "\(wanted)") }
    let compared = try #require(
      Self.words(ComparisonPage([records, RunRecords(run)]).html))
    #expect(compared.contains("a, held out: 2.50 at 10") && compared.contains("a, test set:"))
    let unfinished = try UnfinishedText(run, name: "a").text
    #expect(
      unfinished.contains(
        "held out at step 40: loss 1.000, accuracy 0.5000; the mean of the weights: loss 0.7500"),
      "\(unfinished)")
    var table = ""
    try RecordTable(.evaluations, of: [(name: "a", directory: run)]).write { table += $0 }
    #expect(
      table.hasPrefix(
        "step,epoch [epochs],loss,accuracy,average_loss,average_accuracy\n10,1.0,2.5,0.5,2.25,0.75\n"
      ),
      "\(table)")
  }

  @Test func aComparisonNamesDifferences() throws {
    let folder = TemporaryFolder()
    let steps = (1...100).map { Self.step($0, loss: 2 / Double($0), norm: 1) }
    var other = Samples.report
    other.final.loss = 0.5
    let runs = [
      try Self.run(folder, "a", steps: steps, report: Samples.report),
      try Self.run(folder, "bc", steps: steps, report: other),
      try Self.run(folder, "d<e>", steps: []),
    ].map { RunRecords($0) }
    let html = ComparisonPage(runs).html
    let words = try #require(Self.words(html))
    #expect(
      words.contains("3 runs compared") && words.contains("clip.max_norm") && words.contains("d<e>")
    )
    #expect(html.contains("<mark>0.5000</mark>") && !html.contains("<mark>0.8731</mark>"))
    let text = CurveText(runs, width: 60).text
    #expect(
      text.contains("loss, means from")
        && text.split(separator: "\n").allSatisfy { $0.count <= 100 })
    #expect(text.split(separator: "\n").filter { $0.contains("█") }.allSatisfy { $0.count <= 60 })
    #expect(CurveText([runs[2]], width: 60).text.isEmpty)
  }
}
