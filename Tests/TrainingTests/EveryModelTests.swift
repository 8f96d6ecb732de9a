import Foundation
import Models
import RankTesting
import Testing

@Suite struct EveryModelTests {
  /// A Python with the safetensors library, which `Launch/setup --tests` installs where it can.
  static let python =
    "\(ProcessInfo.processInfo.environment["XDG_CACHE_HOME"] ?? NSHomeDirectory() + "/.cache")/lockstep/python/bin/python3"

  @Test func everyKindTrainsSavesAndResumes() throws {
    let run = try trained()
    run.outcome.expectCasesPass()
    #expect(run.kinds.count == ModelKinds.builtIn.count)
  }

  @Test(
    .enabled(
      if: FileManager.default.isExecutableFile(atPath: python),
      "there is no Python with safetensors: \(python)"))
  func theSafetensorsLibraryReadsEveryModel() throws {
    let run = try trained()
    let script = """
      import sys
      from safetensors.numpy import load_file
      for kind in sys.argv[2:]:
          tensors = load_file(f"{sys.argv[1]}/{kind}.safetensors")
          assert all(t.dtype == "float32" for t in tensors.values())
          print("model", kind, *sorted(f"{name}{list(t.shape)}".replace(" ", "") for name, t in tensors.items()))
      """
    let process = Process()
    process.executableURL = URL(filePath: Self.python)
    process.arguments = ["-c", script, run.folder.path] + run.kinds.keys.sorted()
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    #expect(Self.kinds(text) == run.kinds)
  }

  /// Runs the program once for both tests.
  private func trained() throws -> (
    folder: TemporaryFolder, outcome: Outcome, kinds: [String: Set<Substring>]
  ) { try Self.run.get() }

  private static let run = Result {
    let folder = TemporaryFolder()
    for (split, count) in [("train", 40), ("t10k", 9)] {
      let pixels = (0..<count * 64).map { UInt8($0 * $0 % 251) }
      folder.writeIDX([count, 8, 8], pixels, to: "\(split)-images-idx3-ubyte")
      folder.writeIDX(
        [count], (0..<count).map { UInt8($0 % 5) }, to: "\(split)-labels-idx1-ubyte")
    }
    folder.write(
      String(repeating: "In the beginning was the word. ", count: 40), to: "text.txt")
    let outcome = try Programs.mpirun(4, ["every-model", folder.path])
    print("every model, \(outcome.seconds) s")
    return (folder: folder, outcome: outcome, kinds: kinds(outcome.output))
  }

  /// The tensors of lines `model KIND TENSOR…`, by kind.
  private static func kinds(_ text: String) -> [String: Set<Substring>] {
    let lines = text.split(separator: "\n").map { $0.split(separator: " ") }.filter {
      $0.first == "model"
    }
    return Dictionary(lines.map { (String($0[1]), Set($0.dropFirst(2))) }) { first, _ in first }
  }
}
