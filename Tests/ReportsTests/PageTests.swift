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
