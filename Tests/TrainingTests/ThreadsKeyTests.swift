import Configuration
import ExperimentKeys
import Reports
import Testing

/// The key `training.threads`.
struct ThreadsKeyTests {
  private func threads(_ overrides: String...) throws -> ThreadCount {
    try Experiment(text: "", source: "x.toml", overrides: overrides).training.threads
  }

  @Test func itIsANumberOrAuto() throws {
    #expect(try threads() == .fixed(1))
    #expect(try threads("training.threads=3") == .fixed(3))
    #expect(try threads("training.threads=auto") == .auto)
    #expect(try threads("training.threads=2", "training.threads=4") == .fixed(4), "the last wins")
    let automatic = try Experiment(
      text: "[training]\nthreads = \"auto\"", source: "x.toml", overrides: [])
    #expect(automatic.resolved.contains("\nthreads = \"auto\"\n"))
  }

  @Test(arguments: ["0", "-1", "x", "1.5", "1000000000", "true", "1025"])
  func anythingElseIsAnErrorInOneLine(_ value: String) {
    do {
      _ = try threads("training.threads=\(value)")
      Issue.record("\(value) was taken")
    } catch {
      let line = "\(error)"
      #expect(line.contains("wanted a whole number from 1 to 1024, or \"auto\""), "\(line)")
      #expect(!line.contains("\n"))
    }
  }

  @Test func aDescriptionSaysHowManyRanksCanGetSamples() throws {
    func most(_ overrides: String...) throws -> Int {
      let keys = ["data.kind=blobs", "training.global_batch=96", "training.micro_batch=20"]
      return try Experiment(text: "", source: "x.toml", overrides: keys + overrides).description()
        .mostRanks
    }
    #expect(try most() == 96)
    #expect(try most("training.reproducible=true") == 5)
  }
}
