import Foundation
import RankTesting
import Testing

/// `lockstep keys` and `lockstep init`: what the worker reads, without MPI.
@Suite struct KeysCommandTests {
  private func lockstep(_ arguments: [String], in folder: String? = nil) throws -> Outcome {
    try Programs.run(Programs.path("lockstep"), arguments, directory: folder)
  }

  @Test func keysListsASectionAChoiceAndAKey() throws {
    let section = try lockstep(["keys", "guard"])
    #expect(section.status == 0 && section.output.contains("  skip_limit = 20"), "\(section)")
    let choice = try lockstep(["keys", "clip.rule=adagc"])
    #expect(choice.output.contains("ratio = 1.05") && !choice.output.contains("percentile = "))
    let key = try lockstep(["keys", "training.overlap"])
    #expect(key.output.contains("overlap = \"auto\"") && !key.output.contains("epochs"))
    let wrong = try lockstep(["keys", "clop"])
    #expect(wrong.status == 64 && wrong.errors.contains("did you mean clip?"), "\(wrong.errors)")
  }

  @Test func keysAsJSONHasEveryKeyOfThePage() throws {
    struct List: Decodable {
      struct Key: Decodable { var section: String, key: String, help: String }
      var keys: [Key]
    }
    let outcome = try lockstep(["keys", "--json"])
    let keys = try JSONDecoder().decode(List.self, from: Data(outcome.output.utf8)).keys
    #expect(keys.count > 100 && keys.allSatisfy { !$0.help.isEmpty })
    #expect(keys.contains { $0.section == "model" && $0.key == "hidden" })
  }

  @Test func initWritesAFileThatRuns() throws {
    let folder = TemporaryFolder()
    let made = try lockstep(["init", "kmeans"], in: folder.path)
    #expect(made.status == 0, "\(made.errors)")
    let again = try lockstep(["init", "kmeans"], in: folder.path)
    #expect(again.status == 64 && again.errors.contains("--force"))
    let run = try lockstep(
      [
        "run", "kmeans.toml", "-n", "2", "--set", "training.steps=2", "--set", "data.kind=blobs",
      ], in: folder.path)
    #expect(run.status == 0, "\(run.errors)")
    let printed = try lockstep(["init", "kmeans", "--output", "-"])
    let file = try String(contentsOfFile: folder.path + "/kmeans.toml", encoding: .utf8)
    #expect(printed.output == file)
    let wrong = try lockstep(["init", "kmean"])
    #expect(wrong.errors.contains("did you mean kmeans?"))
  }
}
