import Foundation
import RankTesting
import Testing

/// `--resume` loses nothing, whatever is in the run directory and whatever has changed.
@Suite struct ResumeSafetyTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = TemporaryFolder()
    folder.write(
      """
      [model]
      hidden = [6]
      [data]
      kind = "blobs"
      samples = 200
      classes = 3
      [training]
      global_batch = 20
      micro_batch = 5
      steps = 20
      [optimizer]
      learning_rate = 0.05
      """, to: "x.toml")
  }

  private var run: String { "\(folder.path)/run" }

  /// One rank needs no mpirun, and strace can follow it.
  private func worker(_ options: String..., under: [String] = []) throws -> Outcome {
    let command =
      under + [Programs.path("lockstep-worker"), "\(folder.path)/x.toml", "--output", run] + options
    return try Programs.run("/usr/bin/env", command)
  }

  /// Everything below a directory: names, contents, and when each was written.
  private func content() throws -> [String: String] {
    let manager = FileManager.default
    var all: [String: String] = [:]
    for name in try manager.subpathsOfDirectory(atPath: run) {
      let attributes = try manager.attributesOfItem(atPath: "\(run)/\(name)")
      let isFile = attributes[.type] as? FileAttributeType == .typeRegular
      all[name] =
        isFile
        ? "\(attributes[.modificationDate]!) \(manager.contents(atPath: "\(run)/\(name)")!.hashValue)"
        : ""
    }
    return all
  }

  private func expectUntouched(_ before: [String: String], _ outcome: Outcome) throws {
    let after = try content()
    #expect(
      after == before, "\(Set(after.keys).symmetricDifference(before.keys)): \(outcome.errors)")
  }

  private func damage(_ step: Int) throws {
    let file = URL(filePath: "\(run)/checkpoints/step-000000\(step)/model.safetensors")
    var bytes = try Data(contentsOf: file)
    bytes[bytes.count - 5] ^= 4
    try bytes.write(to: file)
  }

  private static let strace = "/usr/bin/strace"

  /// A folder that cannot be listed for a moment is not an empty one. // C1
  @Test(
    .enabled(
      if: FileManager.default.isExecutableFile(atPath: strace),
      "strace is missing: Launch/setup --tests installs it"))
  func anErrorOfTheFileSystemStopsTheStart() throws {
    #expect(try worker("--set", "checkpoint.every=10").status == 0)
    for file in ["report.json", "final.safetensors"] {
      try FileManager.default.removeItem(atPath: "\(run)/\(file)")
    }
    let before = try content()
    for (error, target) in [
      ("ESTALE", "checkpoints"), ("EMFILE", "checkpoints"),
      ("EIO", "checkpoints/step-00000020/state.json"),
      ("EACCES", "checkpoints/step-00000020/model.safetensors"),
    ] {
      let inject = [
        Self.strace, "-f", "-qq", "-o", "/dev/null", "-P", "\(run)/\(target)", "-e",
        "inject=openat:error=\(error):when=1..2",
      ]
      let outcome = try worker("--resume", "--set", "checkpoint.every=10", under: inject)
      #expect(
        outcome.status == 70 && outcome.rankLines.count == 1,
        "\(error) of \(target): \(outcome.status) \(outcome.errors)")
      #expect(outcome.errors.contains("\(run)/\(target)"), "\(outcome.errors)")
      try expectUntouched(before, outcome)
    }
  }

  /// The same without strace: links that point to themselves. // C1
  @Test func aFolderThatCannotBeListedStopsTheStart() throws {
    #expect(try worker("--set", "checkpoint.every=10").status == 0)
    let manager = FileManager.default
    let state = "\(run)/checkpoints/step-00000020/state.json"
    for place in ["\(run)/checkpoints", state] {
      try manager.moveItem(atPath: place, toPath: "\(folder.path)/aside")
      try manager.createSymbolicLink(atPath: place, withDestinationPath: place)
      let outcome = try worker(
        "--resume", "--set", "training.steps=40", "--set", "checkpoint.every=10")
      #expect(outcome.status == 70 && outcome.errors.contains(place), "\(outcome.errors)")
      try manager.removeItem(atPath: place)
      try manager.moveItem(atPath: "\(folder.path)/aside", toPath: place)
      #expect(
        try manager.contentsOfDirectory(atPath: "\(run)/checkpoints").sorted() == [
          "step-00000010", "step-00000020",
        ])
      #expect(folder.exists("run/final.safetensors"))
    }
  }

  // C2
  @Test func recordsWithoutACheckpointAreNotLost() throws {
    // Finished, and its checkpoints removed.
    #expect(try worker("--set", "checkpoint.every=10").status == 0)
    try FileManager.default.removeItem(atPath: "\(run)/checkpoints")
    var before = try content()
    let gone = try worker("--resume", "--set", "checkpoint.every=10")
    #expect(
      gone.status == 64 && gone.errors.contains("--force") && gone.errors.contains("--output DIR"),
      "\(gone.errors)")
    try expectUntouched(before, gone)

    // Killed before its first checkpoint: the records are saved, and the run starts over.
    #expect(try worker("--force").status == 0)
    for file in ["report.json", "final.safetensors"] {
      try FileManager.default.removeItem(atPath: "\(run)/\(file)")
    }
    let records = try folder.text("run/metrics.jsonl")
    for number in 1...2 {
      let again = try worker("--resume")
      #expect(
        again.status == 0 && again.output.contains("are in interrupted-\(number)"),
        "\(again.errors)")
      #expect(try folder.records("run/metrics.jsonl").map { $0["step"] as? Int } == Array(1...20))
      for file in ["report.json", "final.safetensors"] {
        try FileManager.default.removeItem(atPath: "\(run)/\(file)")
      }
    }
    #expect(try folder.text("run/interrupted-1/metrics.jsonl") == records)
    #expect(
      folder.exists("run/interrupted-1/experiment.toml")
        && folder.exists("run/interrupted-2/ranks.jsonl"))
    // TensorBoard has each step once: the interrupted start's file has moved too. // C8
    func events(_ folder: String) throws -> Int {
      try FileManager.default.contentsOfDirectory(atPath: folder).count {
        $0.hasPrefix("events.out.tfevents")
      }
    }
    #expect(try events(run) == 1 && events("\(run)/interrupted-1") == 1)

    // Ended without ever writing a checkpoint: it is complete, and it cannot resume.
    #expect(try worker("--force").status == 0)
    before = try content()
    let complete = try worker("--resume")
    #expect(
      complete.status == 0 && complete.output.contains("already complete"), "\(complete.errors)")
    try expectUntouched(before, complete)
    let longer = try worker("--resume", "--set", "training.steps=40")
    #expect(
      longer.status == 64 && longer.errors.contains("training.steps is 40 and was 20"),
      "\(longer.errors)")
    try expectUntouched(before, longer)
  }

  // C6
  @Test func resumingAFinishedRunReportsThatAndChangesNothing() throws {
    #expect(try worker("--set", "checkpoint.every=10").status == 0)
    let before = try content()
    for keys in [
      [], ["--set", "optimizer.learning_rate=7.5"],
      ["--set", "training.micro_batch=2", "--set", "training.steps=15"],
    ] {
      let command = [
        Programs.path("lockstep-worker"), "\(folder.path)/x.toml", "--output", run, "--resume",
        "--set", "checkpoint.every=10",
      ]
      let outcome = try Programs.run("/usr/bin/env", command + keys)
      #expect(
        outcome.status == 0 && outcome.output.contains("already complete after step 20"),
        "\(outcome.errors)")
      if keys.count == 2 {
        #expect(
          outcome.output.contains("without effect: optimizer.learning_rate is 7.5 and was 0.05"))
      }
      try expectUntouched(before, outcome)
    }
  }

  // C5
  @Test func anotherModelOrOtherDataAreRefused() throws {
    #expect(try worker("--set", "checkpoint.every=10").status == 0)
    let before = try content()
    for (key, value) in [
      ("model.activation", "tanh"), ("data.spread", "3.5"), ("data.order", "sequential"),
      ("seed", "5"),
    ] {
      let outcome = try worker("--resume", "--set", "training.steps=40", "--set", "\(key)=\(value)")
      #expect(
        outcome.status == 64 && outcome.rankLines.count == 1
          && outcome.errors.contains("\(key) is \(value) and was "), "\(outcome.errors)")
      try expectUntouched(before, outcome)
    }
  }

  /// The same keys, another content of the same size. // C5
  @Test func aFileWithOtherDataIsRefused() throws {
    func table(_ factor: Int) -> String {
      (0..<50).map { "\($0 % 7),\($0 * factor % 11),\($0 % 2)\n" }.joined()
    }
    folder.write(table(3), to: "t.csv")
    folder.write(
      "[model]\nkind = \"logistic\"\n[data]\nkind = \"csv\"\npath = \"t.csv\"\nlabel = 2\n[training]\nglobal_batch = 10\nsteps = 10\n"
        + "[checkpoint]\nevery = 5", to: "x.toml")
    #expect(try worker().status == 0)
    folder.write(table(3), to: "u.csv")
    let moved = try worker(
      "--resume", "--set", "data.path=\(folder.path)/u.csv", "--set", "training.steps=12")
    #expect(
      moved.status == 0
        && moved.output.contains("data.path is \(folder.path)/u.csv from step 11 on"),
      "\(moved.errors)")
    folder.write(table(4), to: "t.csv")
    let before = try content()
    let changed = try worker("--resume", "--set", "training.steps=14")
    #expect(changed.status == 64 && changed.errors.contains("data"), "\(changed.errors)")
    try expectUntouched(before, changed)
  }

  /// A resume prints the changed keys and records them with their step; the run's file holds the
  /// keys that were trained with. // C5, C6
  @Test func otherKeysAreNotedAndRecorded() throws {
    #expect(try worker("--set", "checkpoint.every=10").status == 0)
    let resumed = try worker(
      "--resume", "--set", "checkpoint.every=10", "--set", "training.steps=40", "--set",
      "optimizer.learning_rate=0.01", "--set",
      "training.micro_batch=4")
    #expect(resumed.status == 0, "\(resumed.errors)")
    let notes = resumed.output.split(separator: "\n").filter {
      $0.hasPrefix("note: ") && $0.contains(" from step 21 on")
    }
    #expect(notes.count == 3, "\(resumed.output)")
    let changes = try #require(try folder.json("run/report.json")["changes"] as? [NSDictionary])
    let expected: [NSDictionary] = [
      ["key": "training.micro_batch", "from": 5, "to": 4, "step": 20],
      ["key": "training.steps", "from": 20, "to": 40, "step": 20],
      ["key": "optimizer.learning_rate", "from": 0.05, "to": 0.01, "step": 20],
    ]
    #expect(changes == expected)
    #expect(try folder.text("run/experiment.toml").contains("learning_rate = 0.01"))
    #expect(
      try folder.records("run/metrics.jsonl").map { $0["learning_rate"] as? Double } == Array(
        repeating: 0.05, count: 20) + Array(repeating: 0.01, count: 20))
    // Another change later is added to the first ones.
    let third = try worker("--resume", "--set", "checkpoint.every=10", "--set", "training.steps=45")
    #expect(third.status == 0, "\(third.errors)")
    let all = try #require(try folder.json("run/report.json")["changes"] as? [NSDictionary])
    #expect(
      all.prefix(3) == expected[...] && all.count == 6
        && all.dropFirst(3).allSatisfy { $0["step"] as? Int == 40 })
  }

  // C10
  @Test func aDamagedCheckpointMakesRoom() throws {
    #expect(try worker("--set", "checkpoint.every=10").status == 0)
    for file in ["report.json", "final.safetensors"] {
      try FileManager.default.removeItem(atPath: "\(run)/\(file)")
    }
    try damage(20)
    let newest = "\(run)/checkpoints/step-00000020"
    // Where it cannot be moved, the start reports that.
    let isFixed = (try? Programs.run("/usr/bin/env", ["chattr", "+i", newest]))?.status == 0
    if isFixed {
      defer { _ = try? Programs.run("/usr/bin/env", ["chattr", "-i", newest]) }
      let before = try content()
      let stuck = try worker("--resume", "--set", "checkpoint.every=10")
      #expect(
        stuck.status == 70
          && stuck.errors.contains("\(newest) cannot be used, nor moved out of the way"),
        "\(stuck.errors)")
      try expectUntouched(before, stuck)
    }
    // Without any right on it, it is renamed, which takes rights on the folder above alone.
    chmod(newest, geteuid() == 0 ? 0 : 0o500)
    let outcome = try worker("--resume", "--set", "checkpoint.every=10")
    #expect(
      outcome.status == 0 && outcome.output.contains("checkpoint step 20 is passed over"),
      "\(outcome.errors)")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: "\(run)/checkpoints").sorted().filter {
        !$0.hasPrefix(".tmp")
      } == ["step-00000010", "step-00000020"])
    #expect(folder.exists("run/final.safetensors"))
  }

  /// Damaged records are reported and set aside unchanged; good lines stay. // C7
  @Test func damagedRecordsAreSetAside() throws {
    #expect(try worker("--set", "checkpoint.every=10").status == 0)
    let metrics = try folder.text("run/metrics.jsonl")
    let lines = metrics.split(separator: "\n").map(String.init)
    var steps = 20
    func resumed(_ name: String, _ text: String?) throws -> Outcome {
      if let text {
        folder.write(text, to: "run/\(name)")
      } else {
        try FileManager.default.removeItem(atPath: "\(run)/\(name)")
      }
      steps += 5
      let outcome = try worker(
        "--resume", "--set", "checkpoint.every=10", "--set", "training.steps=\(steps)")
      #expect(outcome.status == 0, "\(outcome.errors)")
      return outcome
    }
    func recorded() throws -> [Int?] {
      try folder.records("run/metrics.jsonl").map { $0["step"] as? Int }
    }

    // One byte of a line in the middle.
    var damaged = lines
    damaged[6] = "\u{1}" + damaged[6].dropFirst()
    let torn = damaged.joined(separator: "\n") + "\n"
    let first = try resumed("metrics.jsonl", torn)
    #expect(
      first.output.contains(
        "metrics.jsonl: line 7 is no record, step 7 is missing; as it was it is \(run)/metrics.jsonl.damaged-1"
      ), "\(first.output)")
    #expect(try folder.text("run/metrics.jsonl.damaged-1") == torn)
    #expect(try recorded() == [1, 2, 3, 4, 5, 6] + Array(8...25))
    // The end cut off.
    let good = try folder.text("run/metrics.jsonl")
    let short = good.split(separator: "\n").prefix(11).joined(separator: "\n") + "\n"
    let second = try resumed("metrics.jsonl", short)
    #expect(
      second.output.contains(
        "step 7 and others, 14 in all, are missing; as it was it is \(run)/metrics.jsonl.damaged-2"),
      "\(second.output)")
    #expect(try recorded() == [1, 2, 3, 4, 5, 6] + Array(8...12) + Array(26...30))
    // None at all.
    let third = try resumed("metrics.jsonl", nil)
    #expect(
      third.output.contains(
        "metrics.jsonl: it is not there, and its lines of the steps up to 30 are lost"),
      "\(third.output)")
    #expect(try recorded() == Array(31...35))
    let ranks = try resumed("ranks.jsonl", "")
    #expect(ranks.output.contains("ranks.jsonl: it holds no record"), "\(ranks.output)")
  }

  /// A last evaluation that fails leaves the trained weights. // C9
  @Test func weightsComeBeforeTheLastEvaluation() throws {
    func array(_ rows: [Float], width: Int) -> Data {
      var header =
        "{'descr': '<f4', 'fortran_order': False, 'shape': (\(rows.count / width), \(width)), }"
      header += String(repeating: " ", count: 64 - (10 + header.count + 1) % 64) + "\n"
      return Data([0x93] + "NUMPY".utf8 + [1, 0, UInt8(header.utf8.count), 0] + header.utf8)
        + rows.withUnsafeBytes { Data($0) }
    }
    try array((0..<10).map { Float($0) / 10 }, width: 1).write(
      to: URL(filePath: "\(folder.path)/y.npy"))
    folder.write(
      """
      [model]
      kind = "linear"
      [data]
      kind = "npy"
      path = "x.npy"
      targets_path = "y.npy"
      validation = 0.3
      [training]
      global_batch = 1
      steps = 1
      """, to: "x.toml")
    // The seed decides which rows are held out: three of the ten; one more is trained on.
    var failures = 0
    for row in 0..<10 {
      var inputs = (0..<20).map { Float($0) / 20 }
      inputs[2 * row] = .nan
      try array(inputs, width: 2).write(to: URL(filePath: "\(folder.path)/x.npy"))
      let outcome = try worker("--force")
      guard outcome.status != 0, folder.exists("run/final.safetensors") else { continue }
      failures += 1
      #expect(
        outcome.rankLines.count == 1 && !folder.exists("run/report.json"), "\(outcome.errors)")
      let resumed = try worker("--resume")
      #expect(
        resumed.status == 64 && resumed.errors.contains("has ended without a checkpoint"),
        "\(resumed.errors)")
      break
    }
    #expect(failures == 1, "no evaluation failed")
  }

  /// A run whose directory was removed ends with an error, since it cannot write its weights. // C9
  @Test func aRemovedDirectoryIsAnError() throws {
    let job = try RunningProgram(
      Programs.path("lockstep-worker"),
      ["\(folder.path)/x.toml", "--output", run, "--set", "training.steps=100000000"])
    try #require(job.wait { folder.exists("run/metrics.jsonl") }, "\(job.errors)")
    try FileManager.default.removeItem(atPath: run)
    let outcome = try job.finish()
    #expect(
      outcome.status == 70 && outcome.errors.contains("\(run)/lock is gone"), "\(outcome.errors)")
    #expect(!folder.exists("run"))
  }
}
