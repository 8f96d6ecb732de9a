import Configuration
import Foundation
import Recording
import Testing
import Training

/// How a run starts in a directory, by the options and by the files that are there.
@Suite struct StartDecisionTests {
  private static func state(_ change: (inout RunDirectoryState) -> Void) -> RunDirectoryState {
    var state = RunDirectoryState()
    change(&state)
    return state
  }

  private func decision(
    _ request: StartDecision.Request, _ change: (inout RunDirectoryState) -> Void = { _ in },
    past know: (inout StartDecision.Past) -> Void = { _ in }
  ) -> StartDecision {
    var past = StartDecision.Past()
    know(&past)
    return StartDecision(request, Self.state(change), past, path: "runs/x")
  }

  private func isRefused(_ decision: StartDecision, _ words: String...) -> Bool {
    if case .refuse(let text) = decision { words.allSatisfy { text.contains($0) } } else { false }
  }

  @Test func anEmptyDirectoryStartsARun() {
    for request in [StartDecision.Request.new, .resume, .replace] {
      #expect(decision(request) == .fresh)
    }
  }

  @Test func aNewRunOverwritesNothing() {
    let held: [(inout RunDirectoryState) -> Void] = [
      { $0.hasOthers = true }, { $0.hasStartFiles = true }, { $0.hasReport = true },
      { $0.hasWeights = true }, { $0.hasCheckpointFolder = true },
      { $0.records = ["metrics.jsonl"] },
    ]
    for change in held {
      #expect(
        isRefused(
          decision(.new, change), "runs/x holds a run already", "--resume", "--force", "--output"))
      #expect(decision(.replace, change) == .replace)
    }
  }

  @Test func aRunResumesFromACheckpointWhateverElseIsThere() {
    for hasReport in [false, true] {
      let resumed = decision(.resume) {
        ($0.checkpoints, $0.hasCheckpointFolder, $0.records, $0.hasReport) = (
          [20, 40], true, ["metrics.jsonl"], hasReport
        )
      } past: {
        $0.isFinished = hasReport
      }
      #expect(resumed == .resume)
    }
  }

  /// Records without a checkpoint. // C2
  @Test func recordsWithoutACheckpoint() {
    let ways = ["--force", "--output"]
    func records(_ state: inout RunDirectoryState) {
      state.records = ["metrics.jsonl", "ranks.jsonl"]
    }
    // Killed before its first checkpoint, as a requeued job is.
    #expect(decision(.resume, records) == .setAside)
    #expect(decision(.resume) { $0.hasStartFiles = true } == .fresh, "nothing was trained")
    // It wrote one once.
    let gone = decision(.resume) {
      records(&$0); $0.hasCheckpointFolder = true
    }
    #expect(isRefused(gone, ways[0], ways[1], "checkpoints are gone"))
    #expect(
      isRefused(
        decision(.resume, records) { $0.passedCheckpoint = true }, ways[0], ways[1],
        "checkpoints are gone"))
    // It ended: stopped, or by a failure after its weights were written.
    #expect(
      isRefused(
        decision(.resume) {
          records(&$0); $0.hasReport = true
        }, ways[0], ways[1], "has ended without a checkpoint"))
    #expect(
      isRefused(
        decision(.resume) {
          records(&$0); $0.hasWeights = true
        }, ways[0], ways[1], "has ended without a checkpoint"))
  }

  /// A finished run is reported as such; it resumes only from a checkpoint. // C6
  @Test func aFinishedRunWithoutACheckpoint() {
    func finished(_ state: inout RunDirectoryState) {
      (state.records, state.hasReport, state.hasWeights) = (["metrics.jsonl"], true, true)
    }
    #expect(decision(.resume, finished) { $0.isFinished = true } == .complete)
    let longer = decision(.resume, finished) {
      ($0.isFinished, $0.continuation) = (true, "training.steps is 40 and was 20")
    }
    #expect(isRefused(longer, "training.steps is 40 and was 20", "--force"))
    let other = decision(.resume, finished) {
      ($0.isFinished, $0.refusal) = (true, "seed is 2 and was 1")
    }
    #expect(other == .refuse("seed is 2 and was 1"))
    let removed = decision(.resume, finished) {
      ($0.isFinished, $0.passedCheckpoint) = (true, true)
    }
    #expect(isRefused(removed, "checkpoints are gone"))
  }

  /// The keys that differ between two experiments, and those with which a run cannot resume. // C5
  @Test func changedKeysAreNotedOrRefused() throws {
    func experiment(_ overrides: String...) throws -> Experiment {
      try Experiment(
        text: "[model]\nhidden = [4]\n[data]\nkind = \"blobs\"\n[training]\nsteps = 20",
        source: "x.toml", overrides: overrides)
    }
    let old = try experiment()
    func changes(_ overrides: String...) throws -> ChangedKeys {
      ChangedKeys(
        from: old.resolved,
        to: try Experiment(
          text: "[model]\nhidden = [4]\n[data]\nkind = \"blobs\"\n[training]\nsteps = 20",
          source: "x.toml", overrides: overrides))
    }
    #expect(try changes().changes.isEmpty)
    for key in [
      "model.hidden=[5]", "model.activation=tanh", "data.spread=3.5", "data.order=sequential",
      "seed=9", "training.global_batch=7",
    ] {
      let name = String(key.prefix { $0 != "=" })
      #expect(try changes("\(key)", "report.every=3").refused(sameData: true)?.key == name)
    }
    for key in [
      "training.micro_batch=3", "optimizer.learning_rate=0.5", "training.steps=40",
      "clip.rule=global", "checkpoint.every=7", "data.order_seed=4",
    ] {
      let found = try changes("\(key)")
      #expect(found.refused(sameData: false) == nil)
      #expect(found.changes.contains { key.hasPrefix($0.key + "=") }, "\(key): \(found.changes)")
    }
    let longer = try changes("training.steps=40", "clip.rule=global")
    #expect(longer.continuation?.sentence == "training.steps is 40 and was 20")
    #expect(
      longer.changes.first { $0.key == "clip.max_norm" }
        == ChangedKeys.Change(key: "clip.max_norm", from: nil, to: "1.0"))
    #expect(
      longer.changes.first { $0.key == "clip.rule" }?.note(from: 20)
        == "clip.rule is global from step 21 on, and was none")
    // A key that an older version did not know has its default.
    let older = old.resolved.split(separator: "\n").filter { !$0.hasPrefix("compare_every") }
      .joined(separator: "\n")
    #expect(older != old.resolved.dropLast() && ChangedKeys(from: older, to: old).changes.isEmpty)
  }

  /// Data are recognized by their content, not by their path. // C5
  @Test func dataThatMovedMayBeElsewhere() {
    let keys = ChangedKeys(
      from: "[data]\nkind = \"csv\"\npath = \"/a/t.csv\"",
      to: "[data]\nkind = \"csv\"\npath = \"/b/t.csv\"")
    #expect(
      keys.refused(sameData: true) == nil && keys.refused(sameData: false)?.key == "data.path")
  }
}
