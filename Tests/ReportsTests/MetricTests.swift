import Foundation
import GradientNorms
import RankTesting
import Recording
import Reports
import Testing

/// The mean loss of the last steps that were taken: a metric with a memory.
private struct MeanLoss: Metric {
  let declaration = MetricDeclaration(
    "mean.loss", unit: "nats", help: "Mean loss of the last 5 steps.",
    line: MetricLine(MetricChart("Mean loss", label: "nats"), "of five steps"))
  let memory = 5
  private var losses: [Double] = []

  mutating func value(of step: StepRecord) -> Double? {
    if step.action != .skip { losses = losses.suffix(4) + [step.loss ?? 0] }
    return losses.count == 5 ? losses.reduce(0, +) / 5 : nil
  }
}

private let double = StepMetric(
  MetricDeclaration("double-loss", help: "Twice the loss.", line: MetricLine(.loss, "twice"))
) { $0.loss.map { 2 * $0 } }

/// Metrics that are declared once: what follows from a declaration, for programs that have the
/// metric and for those that read of it.
@Suite struct MetricTests {
  private static func completed(_ steps: [StepRecord]) -> [StepRecord] {
    var metrics = ComputedMetrics([MeanLoss(), double])
    return steps.map { step in
      var step = step
      metrics.complete(&step)
      return step
    }
  }

  private static let steps = (1...60).map { number in
    PageTests.step(
      number, loss: 1 / Double(number), norm: 1, action: number % 7 == 3 ? .skip : .step)
  }

  @Test func metricsAreFieldsAfterTheRecordsOwnAndComeBack() throws {
    var record = Samples.step
    let plain = JSONText(of: record).string
    record.metrics = [
      NamedNumber("mean.loss", 0.5), NamedNumber("mean.norm", nil), NamedNumber("double", 3),
    ]
    let text = JSONText(of: record).string
    #expect(text == plain.dropLast() + #","mean":{"loss":0.5,"norm":null},"double":3.0}"#)
    let read = try StepRecord(line: Array(text.utf8))
    #expect(read == record)
    // What another version may have written is passed over.
    let strange =
      plain.dropLast() + #","words":"a","list":[1],"deep":{"a":{"b":1}},"x":{"y":2}}"#
    let other = try StepRecord(line: Array(strange.utf8))
    #expect(other.metrics == [NamedNumber("x.y", 2)])
    record.penalty = 0.25
    #expect(try StepRecord(line: JSONText(of: record).bytes) == record)
  }

  /// The record's own: each name with a unit or a tag is a field that has the value.
  @Test func whatARecordHasByItselfIsItsFields() throws {
    var record = Samples.step
    record.noise.scale = 40
    record.norm.clippedSamples = 0.25
    record.norm.samples = StepRecord.Samples(
      mean: 2, rms: 2.5, q05: 0.5, median: 1.5, q95: 4, q99: 6,
      largest: [StepRecord.Sample(sample: 7, norm: 6.5, rank: 1)])
    record.norm.update = StepRecord.Update(norm: 9, applied: 7, coefficient: nil, threshold: 8)
    #expect(try StepRecord(line: JSONText(of: record).bytes) == record)
    let leaves = try JSONLeaves(JSONText(of: record).bytes, name: "x").leaves
    let fields = Dictionary(leaves.map { ($0.path, $0.text) }) { first, _ in first }
    let derived: Set<String> = ["gradient.length", "noise.floor", "batch", "clipped", "skipped"]
    for var metric in Metrics.ofRecord {
      let name = metric.declaration.name
      let field = fields[name].flatMap { Double($0) }
      #expect((field == nil) == derived.contains(name), "\(name)")
      if let field { #expect(metric.value(of: record) == field, "\(name)") }
      #expect(!metric.declaration.help.isEmpty)
    }
    let tags = Metrics.ofRecord.compactMap(\.declaration.tag)
    #expect(
      Set(tags) == [
        "loss", "learning_rate", "epoch", "norm/global", "norm/applied", "norm/local_rms",
        "norm/max_local", "norm/update", "norm/weights", "norm/update_ratio", "clip/coefficient",
        "clip/threshold", "clip/clipped", "clip/samples", "clip/skipped", "noise/scale",
        "noise/signal",
        "noise/variance", "norm/samples_q99", "norm/samples_q95", "norm/samples_median",
        "norm/samples_q05", "norm/update_unclipped", "norm/update_applied",
        "clip/update_threshold", "seconds/total", "seconds/data", "seconds/compute",
        "seconds/reduce",
        "seconds/norm", "seconds/optimizer",
      ])
    #expect(Set(tags).count == tags.count)
    #expect(
      Metrics.ofRecord.compactMap(\.declaration.gauge) == [
        "epoch", "loss", "gradient_norm", "clip_coefficient", "noise_scale_samples",
        "learning_rate",
      ])
  }

  @Test func aNameThatCannotBeAFieldIsRefused() {
    let known = (Metrics.ofRecord + [MeanLoss(), double] as [any Metric]).map(\.declaration)
    for (name, words) in [
      ("mean.loss", "there is a metric of this name"), ("mean", "a number and an object"),
      ("double-loss.x", "a number and an object"), ("norm.mine", "has a field norm"),
      ("loss", "has a field loss"), ("a.b.c", "letters, digits"), ("a b", "letters, digits"),
      ("", "letters, digits"), ("1a", "letters, digits"), ("batch", "there is a metric"),
    ] {
      let problem = MetricDeclaration(name, help: "x").problem(among: known)
      #expect(problem?.contains(words) == true, "\(name): \(problem ?? "nil")")
    }
    #expect(MetricDeclaration("mean.norm-2", help: "x").problem(among: known) == nil)
  }

  @Test(arguments: [1, 3, 4, 10, 11, 30, 59]) func aResumedRunHasTheSameValues(at step: Int) throws
  {
    let whole = Self.completed(Self.steps)
    let folder = TemporaryFolder()
    var file = try JSONLinesFile(creating: folder.path + "/metrics.jsonl")
    for record in whole.prefix(step) { try file.append(record) }
    var metrics = ComputedMetrics([MeanLoss(), double])
    try metrics.resume(from: folder.path + "/metrics.jsonl")
    for (record, expected) in zip(Self.steps, whole).dropFirst(step) {
      var record = record
      metrics.complete(&record)
      #expect(record == expected)
    }
    #expect(whole[20].metrics[0].value != nil)
  }

  /// Pages, tables and gauges of a program that was built without the metric.
  @Test func whatARunDeclaresIsShownByThoseWhoDoNotKnowIt() throws {
    let folder = TemporaryFolder()
    let run = try PageTests.run(folder, "own", steps: Self.completed(Self.steps))
    let without = try #require(PageTests.words(RunPage(RunRecords(run)).html))
    #expect(!without.contains("of five steps"))
    var environment = EnvironmentRecord(
      versions: [], hosts: ["a"], ranksPerHost: [1], cores: 1, threads: 1, cpu: "x",
      gitRevision: nil, commandLine: [])
    let second = StepMetric(MetricDeclaration("samples-per_second", help: "x")) { _ in 1 }
    environment.metrics = [MeanLoss().declaration, double.declaration, second.declaration]
    try JSONFile.write(environment, to: run.environment)
    #expect(try JSONFile.read(EnvironmentRecord.self, from: run.environment) == environment)
    let words = try #require(PageTests.words(RunPage(RunRecords(run)).html))
    #expect(words.contains("Mean loss") && words.contains("nats over step. of five steps: "))
    #expect(words.contains("twice: 2 at 1"))
    var table = ""
    try RecordTable(.metrics, of: [(name: "x", directory: run)]).write { table += $0 }
    let head = try #require(table.split(separator: "\n").first)
    #expect(head.hasSuffix(",mean.loss [nats],double-loss"))
    let other = try PageTests.run(folder, "other", steps: Self.steps)
    let compared = try #require(
      PageTests.words(ComparisonPage([run, other].map { RunRecords($0) }).html))
    #expect(compared.contains("Mean loss"))
    var gauges = RunGauges(experiment: "x", directory: "runs/x")
    var started = WorkerEvent.Started(
      ranks: 1, hosts: ["a"], steps: 60, parameters: 3, samples: 9, experiment: "x",
      directory: "runs/x")
    started.metrics = environment.metrics
    var progress = Samples.progress
    progress.metrics = ["mean.loss": 0.25, "samples-per_second": 1]
    for event in [WorkerEvent.started(started), .progress(progress)] {
      let read = try #require(WorkerEvent(line: JSONText(of: event).bytes))
      #expect(read == event)
      gauges.take(read)
    }
    #expect(
      gauges.text.contains(
        "# HELP lockstep_mean_loss Mean loss of the last 5 steps.\n# TYPE lockstep_mean_loss gauge\nlockstep_mean_loss 0.25\n"
      ) && !gauges.text.contains("double_loss"))
    // Never a name twice.
    #expect(gauges.text.split(separator: "# TYPE lockstep_samples_per_second ").count == 2)
  }

  /// An object's fields are not torn apart, whenever they were registered.
  @Test func fieldsOfOneObjectFollowOneAnother() {
    let names = ["a.x", "b", "a.y", "c.z", "b2", "a.z"]
    let metrics = names.map { name in StepMetric(MetricDeclaration(name, help: "x")) { _ in 1 } }
    #expect(
      ComputedMetrics(metrics).declarations.map(\.name) == ["a.x", "a.y", "a.z", "b", "c.z", "b2"])
  }

  @Test func tensorBoardHasThem() throws {
    let folder = TemporaryFolder()
    var file = try EventFile(
      in: folder.path, host: "h", resumingAt: nil, every: 5, metrics: [double.declaration])
    for step in Self.completed(Self.steps) { try file.append(step) }
    let bytes = try Data(contentsOf: URL(filePath: file.path))
    #expect(bytes.firstRange(of: Data("double-loss".utf8)) != nil)
    #expect(bytes.firstRange(of: Data("mean/loss".utf8)) == nil)
  }

  /// Backwards through a file of several pieces, and past skipped steps.
  @Test func theEndOfALongFileIsRead() throws {
    let folder = TemporaryFolder()
    let path = folder.path + "/metrics.jsonl"
    var file = try JSONLinesFile(creating: path)
    for number in 1...4000 {
      try file.append(
        PageTests.step(number, loss: 1, norm: 1, action: number > 3900 ? .skip : .step))
    }
    #expect(try StepRecord.last(taken: 100, of: path).map(\.step) == Array(3801...4000))
    #expect(try StepRecord.last(taken: 3000, of: path).map(\.step) == Array(901...4000))
    #expect(try StepRecord.last(taken: 9999, of: path).count == 4000)
    #expect(try StepRecord.last(taken: 9, of: folder.path + "/none").isEmpty)
    #expect(try Data(contentsOf: URL(filePath: path)).count > 2 << 20)
  }
}
