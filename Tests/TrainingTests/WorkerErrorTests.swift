import Foundation
import RankTesting
import Testing

/// The errors of `lockstep-worker` on two ranks: the exit status, and one line of one rank however
/// many failed.
@Suite struct WorkerErrorTests {
  private func worker(_ arguments: String...) throws -> Outcome {
    try Programs.mpirun(2, arguments, program: "lockstep-worker")
  }

  private func expectOneLine(_ outcome: Outcome, _ status: Int32, _ parts: String...) {
    #expect(outcome.status == status, "\(outcome.errors)")
    #expect(outcome.rankLines.count == 1, "\(outcome.errors)")
    let line = outcome.rankLines.first ?? ""
    for part in parts { #expect(line.contains(part), "\(line)") }
  }

  @Test func badExperimentsAreRefused() throws {
    let folder = TemporaryFolder()
    expectOneLine(
      try worker("\(folder.path)/none.toml"), 64, "rank 0 on ",
      "\(folder.path)/none.toml: no such experiment file")
    let broken = folder.write("[training]\nsteps = 5\n[model]\nhiden = [3]", to: "broken.toml")
    expectOneLine(
      try worker(broken, "--output", "\(folder.path)/run"), 64,
      "broken.toml:4: model.hiden: unknown key; did you mean hidden?")
    #expect(!folder.exists("run"))
  }

  @Test func aRunIsNotOverwritten() throws {
    let folder = TemporaryFolder()
    let file = folder.write(
      "[data]\nkind = \"blobs\"\nsamples = 100\n[training]\nsteps = 3", to: "x.toml")
    let output = "\(folder.path)/run"
    #expect(try worker(file, "--output", output).status == 0)
    let metrics = try folder.text("run/metrics.jsonl")
    expectOneLine(
      try worker(file, "--output", output), 64,
      "\(output) holds a run already: --resume continues it, --force replaces it")
    #expect(try folder.text("run/metrics.jsonl") == metrics)
    // An experiment that cannot run replaces nothing either.
    let without = folder.write("[data]\nkind = \"idx\"\npath = \"none\"", to: "without.toml")
    let bad = try worker(without, "--output", output, "--force")
    expectOneLine(bad, 65, "\(folder.path)/none")
    #expect(
      try folder.text("run/metrics.jsonl") == metrics && folder.exists("run/final.safetensors"))
    #expect(
      try worker(file, "--output", output, "--force", "--set", "training.steps=2").status == 0)
    #expect(try folder.records("run/metrics.jsonl").count == 2)
    expectOneLine(try worker(file, "--output", file), 64, "\(file) is no directory")
  }

  /// Another thread records the steps. A disk that fills up still ends the run, with one line and
  /// the status of a failed worker.
  @Test(arguments: [3, 20_000]) func aFullDiskIsReportedInOneLine(_ steps: Int) throws {
    let folder = TemporaryFolder()
    let file = folder.write(
      "[model]\nhidden = [4]\n[data]\nkind = \"blobs\"\nsamples = 100\n[training]\nglobal_batch = 4\nsteps = \(steps)",
      to: "x.toml")
    let metrics = "\(folder.path)/run/metrics.jsonl"
    try FileManager.default.createDirectory(
      atPath: "\(folder.path)/run", withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(atPath: metrics, withDestinationPath: "/dev/full")
    let outcome = try worker(file, "--output", "\(folder.path)/run", "--resume")
    expectOneLine(
      outcome, 70, "\(metrics): cannot write ",
      " bytes at byte 0: No space left on device; free some space, or inodes (df -h, df -i), then continue with --resume"
    )
  }

  @Test func moreImagesThanThereAreAreRefused() throws {
    let folder = TemporaryFolder()
    let file = folder.write(
      "[model]\nhidden = [4]\n[data]\nkind = \"fashion-mnist\"\npath = \"data\"\n[training]\nepochs = 1\nglobal_batch = 8",
      to: "x.toml")
    try writeImages(to: folder, split: "train", count: 40)
    try writeImages(to: folder, split: "t10k", count: 5)
    func train(_ samples: Int) throws -> Outcome {
      try worker(
        file, "--output", "\(folder.path)/run", "--force", "--set", "data.samples=\(samples)")
    }
    expectOneLine(try train(41), 64, "data.samples is 41, \(folder.path)/data has 40")
    #expect(try train(24).status == 0)
    #expect(try folder.records("run/metrics.jsonl").count == 3, "24 of the 40, 8 a step")
  }

  @Test func badDataAreRefused() throws {
    let folder = TemporaryFolder()
    let file = folder.write(
      "[model]\nhidden = [4]\n[data]\nkind = \"fashion-mnist\"\npath = \"data\"\n[training]\nsteps = 2\nglobal_batch = 8",
      to: "x.toml")
    let data = "\(folder.path)/data"
    func train() throws -> Outcome { try worker(file, "--output", "\(folder.path)/run") }
    expectOneLine(
      try train(), 65,
      "\(data): there is no such directory; set data.path to the directory that holds the four IDX files"
    )

    try writeImages(to: folder, split: "train", count: 400)
    try writeImages(to: folder, split: "t10k", count: 50)
    let images = URL(filePath: "\(data)/train-images-idx3-ubyte.gz")
    let sound = try Data(contentsOf: images)
    func expectRefused(_ bytes: Data, _ what: String) throws {
      try bytes.write(to: images)
      let outcome = try train()
      expectOneLine(outcome, 65, "\(images.path): byte ", what)
      let offset = outcome.rankLines.first?.firstMatch(of: #/: byte (\d+): /#).flatMap { Int($0.1) }
      #expect(offset.map { (0...bytes.count).contains($0) } == true)
    }
    try expectRefused(sound.prefix(sound.count / 2), "cut off")
    try expectRefused(sound + Data("more".utf8), "4 bytes follow the end of the gzip data")
    var flipped = sound
    flipped[sound.count / 2] ^= 0x10
    try expectRefused(flipped, "corrupted")
    #expect(!folder.exists("run/metrics.jsonl"))
    // The same directory serves once the data are sound.
    try sound.write(to: images)
    #expect(try train().status == 0)
  }

  /// Each kind of data refuses files that it cannot read: both ranks read them, one prints one
  /// line.
  @Test func badTextAndTablesAreRefused() throws {
    let folder = TemporaryFolder()
    func expectRefused(_ kind: String, _ file: String, keys: String = "", _ line: String) throws {
      let text = """
        [data]
        kind = "\(kind)"
        path = "\(file)"
        \(keys)
        [training]
        steps = 2
        global_batch = 4
        """
      let outcome = try worker(
        folder.write(text, to: "x.toml"), "--output", "\(folder.path)/run")
      expectOneLine(outcome, 65, "\(folder.path)/\(line)")
      #expect(!folder.exists("run/metrics.jsonl"))
    }
    folder.write("", to: "empty")
    try expectRefused(
      "text", "none.txt", "none.txt: cannot be opened: No such file or directory; check the path")
    try expectRefused("text", "empty", "empty: byte 0: is empty; give a file of text")
    folder.write("a text", to: "short.txt")
    try expectRefused(
      "text", "short.txt",
      "short.txt: byte 6: the text ends here, one sample of context 64 takes 65 bytes")
    folder.write(String(repeating: "to be or not to be ", count: 20), to: "train.txt")
    folder.write(String(repeating: "to be or not to be ", count: 10) + "?", to: "test.txt")
    try expectRefused(
      "text", "train.txt", keys: "validation_path = \"test.txt\"",
      "test.txt: byte 190: the byte '?' (0x3F) does not occur in \(folder.path)/train.txt")
    try expectRefused("csv", "empty", "empty: byte 0: is empty")
    folder.write("x,y\n1,2\n3,nan\n", to: "t.csv")
    try expectRefused(
      "csv", "t.csv", keys: "targets = \"y\"",
      "t.csv: byte 10: line 3, column \"y\": \"nan\" says that the value is missing")
    try expectRefused(
      "csv", "t.csv", keys: "label = \"z\"",
      "t.csv: byte 0: line 1: there is no column \"z\"; did you mean")
    folder.write("1,2\n", to: "one.csv")
    try expectRefused(
      "csv", "one.csv", keys: "label = 1",
      "one.csv: has one row, which cannot be held out for testing")
    try expectRefused("npy", "t.csv", "t.csv: byte 0: is not a .npy file")
  }

  /// Images and labels as MNIST has them, compressed.
  private func writeImages(to folder: TemporaryFolder, split: String, count: Int) throws {
    let pixels = (0..<count * 784).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) }
    let files = [
      folder.writeIDX([count, 28, 28], pixels, to: "data/\(split)-images-idx3-ubyte"),
      folder.writeIDX(
        [count], (0..<count).map { UInt8($0 % 10) }, to: "data/\(split)-labels-idx1-ubyte"),
    ]
    #expect(try Programs.run("/usr/bin/env", ["gzip", "-f"] + files).status == 0)
  }
}
