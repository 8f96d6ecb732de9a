import Foundation
import RankTesting
import Recording
import Reports
import Testing

struct FileTests {
  private let directory: TemporaryFolder
  private var path: String { directory.path + "/metrics.jsonl" }

  init() throws { directory = TemporaryFolder() }

  private func record(_ step: Int) -> StepRecord {
    var record = Samples.step
    record.step = step
    return record
  }

  private func steps() throws -> [Int] {
    try directory.text("metrics.jsonl").split(separator: "\n").map {
      try StepRecord(line: Array($0.utf8)).step
    }
  }

  private func writeSteps(_ steps: ClosedRange<Int>) throws {
    var file = try JSONLinesFile(creating: path)
    for step in steps { try file.append(record(step)) }
  }

  @Test func eachRecordIsWrittenAtOnceAsALine() throws {
    var file = try JSONLinesFile(creating: path)
    for step in 1...3 {
      try file.append(record(step))
      #expect(try steps() == Array(1...step))
    }
  }

  @Test func creatingReplacesTheFile() throws {
    try writeSteps(1...3)
    try writeSteps(9...9)
    #expect(try steps() == [9])
  }

  @Test func resumingCutsLaterStepsAndContinues() throws {
    try writeSteps(1...5)
    var file = try JSONLinesFile(resuming: path, at: 3)
    #expect(try steps() == [1, 2, 3])
    try file.append(record(4))
    #expect(try steps() == [1, 2, 3, 4])
  }

  @Test func resumingAtTheLastStepCutsNothing() throws {
    try writeSteps(1...5)
    _ = try JSONLinesFile(resuming: path, at: 5)
    #expect(try steps() == Array(1...5))
  }

  @Test(arguments: [1, 20, 300]) func aTornLastLineIsDropped(cut: Int) throws {
    try writeSteps(1...2)
    let whole = try directory.text("metrics.jsonl")
    let line = JSONText(of: record(3)).string
    directory.write(whole + line.prefix(cut), to: "metrics.jsonl")
    var file = try JSONLinesFile(resuming: path, at: 9)
    #expect(try directory.text("metrics.jsonl") == whole)
    try file.append(record(3))
    #expect(try steps() == [1, 2, 3])
  }

  @Test func aWholeLineWithoutItsLineEndIsTornToo() throws {
    try writeSteps(1...2)
    let text = try directory.text("metrics.jsonl")
    directory.write(String(text.dropLast()), to: "metrics.jsonl")
    _ = try JSONLinesFile(resuming: path, at: 9)
    #expect(try steps() == [1])
  }

  @Test func aStepKeyInTheNameOfAHostIsIgnored() throws {
    var file = try JSONLinesFile(creating: path)
    let seconds = PhaseTimes(data: 0, compute: 0, reduce: 0, norm: 0, optimizer: 0)
    try file.append(
      RankRecord(
        rank: 0, host: "\"step\":99,", step: 4, samples: 1, loss: nil, localNorm: nil,
        seconds: seconds))
    let before = try directory.text("metrics.jsonl")
    _ = try JSONLinesFile(resuming: path, at: 4)
    #expect(try directory.text("metrics.jsonl") == before)
    _ = try JSONLinesFile(resuming: path, at: 3)
    #expect(try directory.text("metrics.jsonl").isEmpty)
  }

  @Test func resumingWithoutAFileStartsEmpty() throws {
    var file = try JSONLinesFile(resuming: path, at: 3)
    try file.append(record(4))
    #expect(try steps() == [4])
  }

  @Test func errorsNameThePathAndTheRemedy() throws {
    let missing = directory.path + "/none/metrics.jsonl"
    #expect { _ = try JSONLinesFile(creating: missing) } throws: { error in
      "\(error)" == "\(missing): cannot open it for writing: No such file or directory"
    }
    var full = try JSONLinesFile(creating: "/dev/full")
    #expect { try full.append(Samples.step) } throws: { error in
      "\(error)".hasPrefix("/dev/full: cannot write ")
        && "\(error)".hasSuffix(
          "No space left on device; free some space, or inodes (df -h, df -i), then continue with --resume"
        )
    }
  }

  @Test func aReportIsWrittenWholeAndReadBack() throws {
    let path = directory.path + "/report.json"
    try JSONFile.write(Samples.report, to: path)
    try JSONFile.write(Samples.report, to: path)
    #expect(try JSONFile.read(ConvergenceReport.self, from: path) == Samples.report)
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["report.json"])
  }

  @Test func aBadReportIsOneLineThatNamesTheFileAndTheKey() throws {
    let path = directory.path + "/report.json"
    func message(_ text: String) throws -> String {
      directory.write(text, to: "report.json")
      do {
        _ = try JSONFile.read(ConvergenceReport.self, from: path)
        return ""
      } catch { return error.description }
    }
    let good = JSONText(of: Samples.report).string
    #expect(try message("{") == "\(path): not valid JSON")
    #expect(try message("{}") == "\(path): key \"verdict\" is missing")
    #expect(
      try message(good.replacingOccurrences(of: "\"last\":0.83", with: "\"last\":\"x\""))
        == "\(path): key \"norm.last\" has the wrong type"
    )
    #expect(
      try message(good.replacingOccurrences(of: "noise-floor", with: "fine"))
        == "\(path): key \"verdict\" has a value that is not allowed")
    #expect(throws: RunFileError.self) {
      try JSONFile.read(ConvergenceReport.self, from: "/dev/zero")
    }
  }

  @Test func logsAloneDoNotMakeADirectoryTaken() throws {
    let run = RunDirectory(directory.path + "/a/b")
    #expect(!run.exists)
    try RunDirectory.make(run.logs)
    try RunDirectory.make(run.logs)
    #expect(run.exists && !run.isTaken && run.newestCheckpoint == nil)
    for step in ["step-00000200", "step-00001000", ".tmp-9"] {
      try RunDirectory.make(run.checkpoints + "/" + step)
    }
    #expect(run.isTaken && run.newestCheckpoint == 1000)
  }
}
