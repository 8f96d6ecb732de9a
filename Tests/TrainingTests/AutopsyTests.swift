import Configuration
import Foundation
import RankTesting
import Testing
import Training

/// What raised an alarm is looked into, and put down to its cause.
@Suite struct AutopsyTests {
  @Test(
    arguments: [("autopsy", 4), ("autopsy-clean", 2), ("autopsy-silent", 4)])
  func causesAreFound(_ program: String, _ ranks: Int) throws {
    let outcome = try Programs.mpirun(ranks, [program], limit: 600)
    #expect(outcome.status == 0, "\(outcome.errors)")
    print("\(program), \(outcome.seconds) s: \(outcome.output)")
  }

  private static let experiment = """
    [model]
    hidden = [12]
    [data]
    kind = "blobs"
    samples = 900
    classes = 4
    dimensions = 6
    [training]
    global_batch = 24
    micro_batch = 4
    steps = 60
    exchange = "messages"
    [optimizer]
    kind = "momentum"
    [guard]
    spike = 6.0
    [checkpoint]
    every = 20
    """

  private func run(_ folder: TemporaryFolder, _ arguments: [String]) throws -> Outcome {
    folder.write(Self.experiment, to: "test.toml")
    return try Programs.mpirun(
      3, [folder.path("test.toml"), "--output", folder.path("run")] + arguments,
      program: "lockstep-worker")
  }

  @Test func samplesAreNamedAndTrainingGoesOn() throws {
    let folder = TemporaryFolder()
    let outcome = try run(
      folder, ["--inject", "inputs:0:45:6", "--set", "data.order=sequential"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(
      outcome.output.contains(
        /warning: step 45 is skipped by all ranks: the norm .* the recent median .*; cause data: \d+ of/
      ),
      "\(outcome.output)")
    let incidents = try folder.records("run/incidents.jsonl")
    #expect(incidents.count == 1)
    let incident = try #require(incidents.first)
    #expect(incident["cause"] as? String == "data" && incident["rank"] is NSNull)
    // The seventh step of the second epoch, which has 37 whole batches and a half one.
    let samples = try #require(incident["samples"] as? [Int])
    #expect((144..<150).contains(samples[0]), "\(incident)")
    #expect(samples.filter((144..<150).contains).count >= 3, "\(incident)")
    #expect(((incident["evidence"] as? [String])?.count ?? 0) >= 4)
    let page = try folder.text("run/report.html")
    #expect(page.contains("Incidents") && page.contains("such as"))
  }

  @Test func aFaultyRankEndsTheRunWithACheckpoint() throws {
    let folder = TemporaryFolder()
    let outcome = try run(folder, ["--inject", "gradient:1:45+:30"])
    #expect(outcome.status == 70, "\(outcome.errors)")
    let host = ProcessInfo.processInfo.hostName
    #expect(
      outcome.rankLines.count == 1
        && outcome.rankLines[0].contains("cause persistent: rank 1 computes other gradients")
        && outcome.rankLines[0].contains("(rank 1 on \(host)); a checkpoint is written"),
      "\(outcome.rankLines)")
    #expect(folder.exists("run/checkpoints/step-00000045/state.json"))
    let resumed = try run(folder, ["--resume"])
    #expect(resumed.status == 0 && resumed.output.contains("resumed after step 45"))
  }

  @Test func stateThatAFaultChangedEndsTheRunWithoutOne() throws {
    let folder = TemporaryFolder()
    let outcome = try run(folder, ["--inject", "moment:1:44:30"])
    #expect(outcome.status == 70, "\(outcome.errors)")
    #expect(
      outcome.rankLines.count == 1
        && outcome.rankLines[0].contains("cause optimizer-state: the optimiser's state on rank 1")
        && outcome.rankLines[0].contains("go on from an earlier checkpoint"),
      "\(outcome.rankLines)")
    #expect(folder.exists("run/checkpoints/step-00000040/state.json"))
    #expect(!folder.exists("run/checkpoints/step-00000046/state.json"))
    #expect(try folder.records("run/incidents.jsonl").count == 1)
  }

  @Test func whatRaisesNoAlarmIsFoundByReplays() throws {
    let folder = TemporaryFolder()
    let outcome = try run(
      folder, ["--inject", "gradient:2:40:10", "--set", "guard.replay_every=20"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let incident = try #require(try folder.records("run/incidents.jsonl").first)
    #expect(
      incident["kind"] as? String == "divergence" && incident["cause"] as? String == "transient"
        && incident["rank"] as? Int == 2, "\(incident)")
  }

  @Test func aNoteSaysWhereReplaysHaveNoEffect() throws {
    func note(_ keys: String..., canReplay: Bool = true, ranks: Int = 2) throws -> String? {
      TrainerSettings(try Experiment(text: "", source: "x.toml", overrides: keys)).replayNote(
        canReplay, ranks: ranks)
    }
    let every = "guard.replay_every=7"
    #expect(try note(canReplay: false, ranks: 1) == nil && note(every) == nil)
    #expect(
      try note(every, "guard.autopsy=false")
        == "guard.replay_every has no effect: guard.autopsy is false")
    #expect(
      try note(every, canReplay: false)
        == "guard.replay_every has no effect: with regularization.sam_radius or clip.scope \"sample\" a rank's gradient cannot be computed again"
    )
    #expect(
      try note(every, ranks: 1)
        == "guard.replay_every has no effect: there is no other rank to compute this one's gradient"
    )
  }
}
