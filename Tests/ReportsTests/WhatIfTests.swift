import Foundation
import GradientNorms
import RankTesting
import Recording
import Reports
import Testing

struct WhatIfTests {
  /// Ten steps with norms 1 … 10 that were clipped at 4, the eighth of them skipped.
  private var records: [StepRecord] {
    (1...10).map { step in
      var record = Samples.step
      let norm = Double(step)
      record.step = step
      record.norm.global = norm
      record.norm.layers = [NamedNumber("a", norm * 0.6), NamedNumber("b", norm * 0.8)]
      record.norm.threshold = step == 8 ? nil : 4
      record.norm.applied = step == 8 ? nil : min(norm, 4)
      record.action = step == 8 ? .skip : step > 4 ? .clip : .step
      record.reason = step == 8 ? "a spike" : nil
      return record
    }
  }

  @Test func theRecordedNormsAreThoseOfTheRun() {
    let run = RecordedNorms(records)
    #expect(
      run.steps == 10 && run.skipped == 1 && run.norms.map(\.whole) == [1, 2, 3, 4, 5, 6, 7, 9, 10])
    #expect(run.clippedFraction == 5 / 9.0 && run.threshold == 4 && run.smallestCoefficient == 0.4)
    #expect(
      abs(run.meanCoefficient! - (4 + 4 / 5.0 + 4 / 6.0 + 4 / 7.0 + 4 / 9.0 + 4 / 10.0) / 9) < 1e-12
    )
  }

  @Test func limitsAreTheRunsQuantilesAndItsOwn() throws {
    let rows = WhatIf(RecordedNorms(records)).rows
    #expect(
      rows.map(\.rule) == ["as it ran"] + Array(repeating: "global", count: 6) + [
        "normalize", "per-layer", "percentile", "zscore", "quantile", "ema", "adagc", "sigma",
      ])
    #expect(rows.map(\.target) == Array(repeating: .gradient, count: 14) + [.update])
    // Of nine norms, the median is the fifth, the 75 % quantile the seventh, and the others are the
    // ninth.
    #expect(rows[1...6].map(\.maxNorm) == [5, 7, 10, 10, 10, 4])
    #expect(
      rows[1].clippedFraction == 5 / 9.0 && rows[2].clippedFraction == 3 / 9.0
        && rows[3].clippedFraction == 1 / 9.0)
    // The run's own limit again: but for a norm of just the limit, which PyTorch's 1e-6 clips a
    // little.
    #expect(rows[6].clippedFraction == 6 / 9.0)
    #expect(abs(rows[6].meanCoefficient! - rows[0].meanCoefficient!) < 1e-6)
    // Each of two tensors gets 4/√2: 0.8 of a norm exceeds it from norm 4 on.
    #expect(rows[8].clippedFraction == 6 / 9.0)
  }

  /// A tensor of 3 elements and one of 5 share 4: 4·√⅜ and 4·√⅝, that is 2.449 and 3.162.
  @Test func sizesGiveAShareBySize() throws {
    let rows = WhatIf(RecordedNorms(records, elements: ["a": 3, "b": 5, "c": 7])).rows
    let row = try #require(rows.first { $0.rule == "per-layer, size" })
    // 0.6 of a norm exceeds 2.449 from norm 5 on, 0.8 of it 3.162 from norm 4 on.
    #expect(row.clippedFraction == 6 / 9.0 && row.maxNorm == 4)
    let (a, b) = (6.0, 8.0)
    let left = (
      4 * (3 / 8.0).squareRoot() * a / (a + 1e-6), 4 * (5 / 8.0).squareRoot() * b / (b + 1e-6)
    )
    let smallest = (left.0 * left.0 + left.1 * left.1).squareRoot() / 10
    #expect(abs(row.smallestCoefficient! - smallest) < 1e-12)
  }

  /// The run's rule limited the update to 2: its tensors' norms are 3 and 4 times the step.
  private var updates: [StepRecord] {
    records.map { record in
      var record = record
      let step = Double(record.step)
      record.norm.threshold = nil
      record.norm.applied = record.norm.global
      guard record.action != .skip else { return record }
      record.norm.update = .init(
        norm: 5 * step, applied: 2, coefficient: 2 / (5 * step), threshold: 2,
        layers: [NamedNumber("a", 3 * step), NamedNumber("b", 4 * step)])
      record.action = .clip
      return record
    }
  }

  @Test func aRunThatLimitedTheUpdateIsReplayedOnUpdates() throws {
    let run = RecordedNorms(updates, elements: ["a": 9, "b": 4])
    #expect(run.target == .update && run.threshold == 2 && run.clippedFraction == 1)
    #expect(run.smallestCoefficient == 2 / 50.0)
    let table = WhatIf(run)
    let own = try #require(
      table.rows.first { $0.target == .update && $0.note == "the run's own limit" })
    #expect(own.rule == "global" && own.maxNorm == 2 && own.clippedFraction == 1)
    #expect(abs(own.meanCoefficient! - run.meanCoefficient!) < 1e-6)
    // Root mean squares are the step and twice the step: all above 1 but one, which is just 1.
    let rms = try #require(table.rows.first { $0.rule == "rms" })
    #expect(rms.target == .update && rms.clippedFraction == 1)
    #expect(abs(rms.smallestCoefficient! - (9 + 4.0).squareRoot() / 50) < 1e-12)
    // The gradient was not clipped: no limit of the update is one of it.
    #expect(table.rows.first { $0.note == "the default" }?.target == .gradient)
    #expect(table.text(name: "x").contains("\n  of the update\n  as it ran "))
  }

  /// Without `norm.update` the update is what the weights changed by, over the rate.
  @Test func updatesOfOtherRunsAreTheWeightsChangeOverTheRate() {
    let changes = records.map { record in
      var record = record
      (record.learningRate, record.updateNorm) = (record.step == 2 ? 0 : 0.5, Double(record.step))
      return record
    }
    let run = RecordedNorms(changes)
    #expect(run.target == .gradient)
    #expect(run.updates.map(\.whole) == [2, 6, 8, 10, 12, 14, 18, 20])
  }

  @Test func everyRuleIsReplayedOrHasAReason() {
    for (records, missing) in [
      (records, ["agc", "per-layer, size", "rms", "spam", "stable-spam", "value"]),
      (
        updates,
        ["agc", "per-layer, size", "per-layer, size", "rms", "spam", "stable-spam", "value"]
      ),
    ] {
      let table = WhatIf(RecordedNorms(records))
      #expect(table.unknown.map(\.rule).sorted() == missing)
      let kinds = Set(ClipRules.builtIn.map { $0.kind }).subtracting(["none"])
      #expect(kinds.isSubset(of: Set(table.rows.map(\.rule) + table.unknown.map(\.rule))))
    }
  }

  /// The run's clip measured another norm than L2: the tensors' norms give that.
  @Test func normsAreThoseOfTheTensorsWhereTheClipMeasuredAnother() {
    let others = records.map { record in
      var record = record
      record.norm.global = record.norm.global.map { 7 * $0 }
      return record
    }
    #expect(
      zip(RecordedNorms(others).norms, RecordedNorms(records).norms).allSatisfy {
        abs($0.whole - $1.whole) < 1e-12
      })
  }

  @Test func theTableHasARowARule() {
    let text = WhatIf(RecordedNorms(records)).text(name: "fashion-mlp")
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    #expect(
      lines[0]
        == "fashion-mlp: what other clip rules would have done in 9 steps with a known norm, of 10")
    #expect(lines[2] == "  rule           max_norm  clipped  mean coeff.  smallest")
    #expect(lines[3] == "  as it ran         4.000     56 %       0.7647    0.4000")
    #expect(
      lines[4] == "  global            5.000     56 %       0.8448    0.5000  the run's median")
    #expect(lines.contains("  of the update"))
    #expect(
      lines.contains(
        "  value            of the gradient: it acts on elements or rows, which norms do not determine"
      ))
    #expect(text.contains("holds for the recorded norms only"))
    #expect(text.hasSuffix("others.\n") && lines.allSatisfy { $0.count <= 100 })
  }

  @Test func theJSONHasTheFiguresOfTheTable() throws {
    let text = JSONText(of: WhatIf(RecordedNorms(records))).string
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    let rules = try #require(object["rules"] as? [[String: Any]])
    #expect(
      object["steps"] as? Int == 10 && object["skipped"] as? Int == 1
        && object["judged"] as? Int == 9)
    #expect(
      rules.count == 15 && rules[1]["max_norm"] as? Double == 5 && rules[9]["max_norm"] is NSNull)
    #expect(rules[1]["of"] as? String == "gradient" && rules[14]["of"] as? String == "update")
    let others = try #require(object["not_replayed"] as? [[String: String]])
    #expect(others.count == 6 && others[1]["rule"] == "value" && others[1]["of"] == "gradient")
    #expect(others.allSatisfy { $0["reason"]?.hasPrefix("it ") == true })
  }

  @Test func aRunWithoutAStepIsReported() {
    let empty = WhatIf(RecordedNorms([]))
    #expect(empty.rows.count == 1 && empty.rows[0].clippedFraction == nil)
    #expect(empty.text(name: "x").contains("0 steps with a known norm, of 0"))
  }

  @Test func aFileIsReadInPiecesAndABadLineIsNamed() throws {
    let directory = TemporaryFolder()
    let path = directory.path + "/metrics.jsonl"
    var file = try JSONLinesFile(creating: path)
    for record in records { try file.append(record) }
    #expect(try RecordedNorms(path: path).norms == RecordedNorms(records).norms)
    // A crash tears the last line: it is left out.
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    try whole.dropLast(30).write(to: URL(fileURLWithPath: path))
    #expect(try RecordedNorms(path: path).steps == 9)
    let first = try #require(whole.firstIndex(of: 0x0A))
    try (whole.prefix(first + 1) + Data("{}\n".utf8)).write(to: URL(fileURLWithPath: path))
    let error = #expect(throws: RunFileError.self) { try RecordedNorms(path: path) }
    #expect(
      error?.description == "\(path): line 2, from byte \(first + 1) on, is no record of a step")
    #expect(throws: RunFileError.self) {
      try RecordedNorms(path: directory.path + "/nothing.jsonl")
    }
  }
}
