import Configuration
import ExperimentKeys
import Foundation
import RankTesting
import Testing
import Training

/// `schedule.batch` and its keys.
@Suite struct BatchGrowthKeysTests {
  private func experiment(_ folder: TemporaryFolder, _ schedule: String, _ overrides: [String] = [])
    throws(ExperimentError) -> Experiment
  {
    let file = folder.write(
      "[training]\nglobal_batch = 64\n[schedule]\nbatch = \"critical\"\n\(schedule)\n", to: "x.toml"
    )
    return try Experiment(contentsOf: file, overrides: overrides)
  }

  private func points(_ experiment: Experiment) throws -> [[Int]] {
    guard case .critical(let batches) = experiment.batchGrowth else {
      throw ExperimentError("no measured batches")
    }
    return batches.points.map { [$0.samples, $0.batch] }
  }

  @Test func aFileIsResolvedToItsNumbers() throws {
    let folder = TemporaryFolder()
    folder.write(#"{"samples": 6400, "critical_batch": 256, "step": 100}"#, to: "a/one.json")
    folder.write(#"{"samples": 640, "critical_batch": 128}"#, to: "two.json")
    let one = try experiment(folder, "critical = \"a/one.json\"")
    #expect(try points(one) == [[6400, 256]])
    #expect(one.resolved.contains("\ncritical = [[6400, 256]]\n"))
    let two = try experiment(folder, "critical = [\"a/one.json\", \"two.json\"]")
    #expect(try points(two) == [[640, 128], [6400, 256]])
    // The resolved file repeats the run when the measurement is gone.
    try FileManager.default.removeItem(at: folder.url("a/one.json"))
    let again = try Experiment(text: two.resolved, source: "elsewhere.toml", overrides: [])
    #expect(again.resolved == two.resolved && again.batchGrowth == two.batchGrowth)
    let given = try experiment(folder, "critical = \"a/one.json\"", ["schedule.critical=[[7, 99]]"])
    #expect(try points(given) == [[7, 99]])
  }

  @Test(arguments: [
    ("", "batch critical needs what was measured"), ("critical = \"none.json\"", "none.json"),
    ("critical = \"bad.json\"", "wanted a critical-batch.json"),
    ("critical = \"empty.json\"", "found no critical batch"),
    ("critical = 256", "wanted a path, a list of paths, or a list of pairs [samples, batch]"),
    ("critical = []", "wanted a path"), ("critical = [[1, 2, 3]]", "wanted a path"),
    ("critical = [[0, 0]]", "[0, 0]: wanted samples of at least 0 and a batch"),
    ("critical = [[5, 8], [5, 9]]", "two batches from the same number of samples on"),
    ("critical = [[5, 8]]\nkind = \"adascale\"", "and so does schedule.kind = \"adascale\""),
  ])
  func whatIsWrongIsOneLine(_ schedule: String, _ message: String) throws {
    let folder = TemporaryFolder()
    folder.write(#"{"step": 1}"#, to: "bad.json")
    folder.write(#"{"samples": 1, "critical_batch": null}"#, to: "empty.json")
    let error = #expect(throws: ExperimentError.self) { try experiment(folder, schedule) }
    let text = try #require(error).description
    #expect(text.contains(message) && !text.contains("\n") && text.contains("x.toml"), "\(text)")
  }

  @Test func batchesFollowTheSamplesAndRatesTheBatches() throws {
    let points = [(100, 32), (200, 256), (300, 128)].map {
      CriticalBatches.Point(samples: $0.0, batch: $0.1)
    }
    let linear = CriticalBatches(points.reversed(), globalBatch: 64, ratePower: 1)
    #expect(
      [0, 99, 100, 199, 200, 299, 300, 9999].map(linear.batch) == [
        64, 64, 64, 64, 256, 256, 128, 128,
      ])
    #expect([0, 200, 300].map(linear.rateFactor) == [1, 4, 2])
    let root = CriticalBatches(points, globalBatch: 64, ratePower: 0.5)
    #expect(
      [0, 200].map(root.rateFactor) == [1, 2] && root.rateFactor(after: 300) == 2.0.squareRoot())
    let none = CriticalBatches(points, globalBatch: 64, ratePower: 0)
    #expect(none.rateFactor(after: 200) == 1)
  }

  @Test(arguments: [
    ("sgd", 1.0), ("momentum", 1), ("lars", 1), ("adamw", 0.5), ("lamb", 0.5), ("lion", 0.5),
    ("muon", 0.5), ("dog", 0),
  ])
  func theRatesPowerIsTheOptimizers(_ kind: String, _ power: Double) throws {
    let folder = TemporaryFolder()
    let read = try experiment(folder, "critical = [[5, 128]]", ["optimizer.kind=\(kind)"])
    guard case .critical(let batches) = read.batchGrowth else { throw ExperimentError("none") }
    #expect(batches.ratePower == power && read.batchGrowth?.largest == 128)
  }

  @Test func anEndIsAStepOrAPart() {
    #expect(RunEnd("500") == .step(500) && RunEnd("0.25") == .part(0.25))
    for text in ["", "0", "-3", "1.0", "1.5", "0.0", "half", "nan"] {
      #expect(RunEnd(text) == nil, "\(text)")
    }
  }
}
