import Foundation
import RankTesting
import Testing

/// The page, the event file and the metrics of real runs.
@Suite(.serialized) struct RunPageTests {
  private static func page(_ folder: TemporaryFolder, _ name: String) throws -> String {
    try String(contentsOf: folder.url(name + "/report.html"), encoding: .utf8)
  }

  @Test func aRunAndAResumedOneWriteTheirPageAndEvents() throws {
    let folder = TemporaryFolder()
    let arguments = ["--output", folder.path("run"), "--set", "checkpoint.every=20"]
    let first = try folder.lockstep(["run", folder.experiment(steps: 40), "-n", "2"] + arguments)
      .finish()
    try #require(first.status == 0, "\(first.errors)")
    #expect(first.output.split(separator: "\n").last?.hasSuffix("run/report.html") == true)
    let page = try Self.page(folder, "run")
    #expect(
      page.contains("noise floor √(trΣ/B)") && page.contains("layers.0.weight")
        && page.contains("rank 1"))
    func events() throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: folder.path("run")).filter {
        $0.hasPrefix("events.out.tfevents.")
      }.sorted()
    }
    #expect(try events().count == 1)
    // The worker alone writes the same files; resuming makes a second event file and names the step
    // on the page.
    let second = try Programs.mpirun(
      2,
      [folder.experiment(steps: 60), "--resume", "--set", "report.tensorboard=true"] + arguments,
      program: "lockstep-worker")
    try #require(second.status == 0, "\(second.errors)")
    #expect(try events().count == 2)
    let longer = try Self.page(folder, "run")
    #expect(
      longer.contains("went on from a checkpoint: 40") && longer.contains("at 60,"),
      "the steps of both parts")
    let third = try folder.lockstep(
      [
        "run", folder.experiment(steps: 20), "-n", "1", "--force", "--set",
        "report.tensorboard=false",
      ] + arguments
    ).finish()
    try #require(third.status == 0, "\(third.errors)")
    #expect(try events().isEmpty)
  }

  @Test func aFailedRunsPageNamesTheReason() throws {
    let folder = TemporaryFolder()
    let run = try folder.lockstep(
      [
        "run", folder.experiment(steps: 400), "-n", "2", "--output", folder.path("run"), "--set",
        "optimizer.learning_rate=1e30", "--set",
        "clip.rule=none",
      ]
    ).finish()
    #expect(run.status == 70)
    let page = try Self.page(folder, "run")
    #expect(
      page.contains("The run failed") && page.contains("guard.skip_limit")
        && page.contains("✗ failed"))
  }

  @Test func reportWritesOnePageOrAComparison() throws {
    let folder = TemporaryFolder()
    for name in ["a", "b"] {
      let run = try folder.lockstep([
        "run", folder.experiment(steps: 5), "-n", "1", "--quiet", "--output", folder.path(name),
      ]).finish()
      try #require(run.status == 0, "\(run.errors)")
    }
    let arguments = [
      "report", folder.path("a"), folder.path("b"), "--html", folder.path("both.html"),
    ]
    #expect(try folder.lockstep(arguments).finish().status == 0)
    #expect(
      try String(contentsOf: folder.url("both.html"), encoding: .utf8).contains("2 runs compared"))
    let again = try folder.lockstep(arguments).finish()
    #expect(again.status == 64 && again.errors.contains("--force"))
    #expect(try folder.lockstep(arguments + ["--force"]).finish().status == 0)
    let text = try folder.lockstep(["report", folder.path("a"), folder.path("b")]).finish()
    #expect(
      text.output.contains("loss, means from") && text.output.contains("gradient norm, means from"))
    #expect(
      try folder.lockstep(["report", folder.path("none"), "--html", folder.path("x.html")]).finish()
        .status == 64)
  }

  @Test func metricsAreServedWhileTheRunLasts() throws {
    let folder = TemporaryFolder()
    let run = try folder.lockstep(
      [
        "run", folder.experiment(steps: 1_000_000), "-n", "2", "--output", folder.path("run"),
        "--metrics-port", "0",
      ])
    try #require(run.wait { run.errors.contains("step ") }, "\(run.errors)")
    let found = try #require(
      run.errors.firstMatch(of: /http:\/\/127\.0\.0\.1:([0-9]+)\/metrics/), "\(run.errors)")
    let port = try #require(Int(found.1))
    func scrape() -> String { LocalSocket.ask(port, "GET /metrics HTTP/1.1\r\n\r\n") }
    func step(_ text: String) -> Int? {
      text.firstMatch(of: /lockstep_step ([0-9]+)/).flatMap { Int($0.1) }
    }
    let first = scrape()
    #expect(
      first.contains("lockstep_run_info{experiment=\"small\"")
        && first.contains("lockstep_ranks 2\n")
        && first.contains("lockstep_gradient_norm "))
    let before = try #require(step(first))
    #expect(run.wait { step(scrape()).map { $0 > before } ?? false })
    // The same port again: one line, and the exit code of wrong usage.
    let second = try folder.lockstep(
      [
        "run", folder.experiment(steps: 5), "-n", "1", "--output", folder.path("other"),
        "--metrics-port", String(found.1),
      ]
    ).finish()
    #expect(
      second.status == 64 && second.errors.split(separator: "\n").count == 1
        && second.errors.contains("--metrics-port \(found.1)"))
    run.signal(SIGINT)
    #expect(try run.finish().status == 75)
  }
}
