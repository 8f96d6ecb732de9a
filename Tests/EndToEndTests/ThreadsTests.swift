import Foundation
import RankTesting
import Testing

/// Threads of a rank, as people ask for them.
@Suite(.serialized) struct ThreadsTests {
  private func object(_ folder: TemporaryFolder, _ name: String) throws -> [String: Any] {
    try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: folder.url(name))) as? [String: Any])
  }

  /// Trains, and returns the threads that were recorded and what was said.
  private func train(_ folder: TemporaryFolder, _ name: String, _ options: [String]) throws
    -> (threads: Int?, errors: String)
  {
    let file = folder.logistic(steps: 3, "[clip]\nrule = \"global\"")
    let outcome = try folder.lockstep(["run", file, "--output", folder.path(name)] + options)
      .finish()
    #expect(outcome.status == 0, "\(outcome.errors)")
    return (try object(folder, "\(name)/environment.json")["threads"] as? Int, outcome.errors)
  }

  private func resolved(_ folder: TemporaryFolder, _ name: String) throws -> String {
    try String(contentsOf: folder.url("\(name)/experiment.toml"), encoding: .utf8)
  }

  @Test func threadsAreRecordedAndShown() throws {
    let folder = TemporaryFolder()
    let one = try train(folder, "one", ["-n", "2", "--threads", "1"])
    #expect(one.threads == 1 && one.errors.contains(": 2 ranks on "), "\(one.errors)")
    #expect(try resolved(folder, "one").contains("\nthreads = 1\n"))
    // K > the machine's cores is a note.
    let two = try train(folder, "two", ["-n", "1", "--threads", "2"])
    #expect(two.threads == 2 && two.errors.contains(": 1 rank × 2 threads on "), "\(two.errors)")
    #expect(try resolved(folder, "two").contains("\nthreads = 2\n"))
    let many = try train(folder, "many", ["-n", "1", "--threads", "64"])
    #expect(many.threads == 64)
    // The option takes the place of the key, wherever that stands.
    let key = try train(
      folder, "key", ["-n", "1", "--set", "training.threads=3", "--threads", "1"])
    #expect(key.threads == 1)
    let set = try train(folder, "set", ["-n", "1", "--set", "training.threads=2"])
    #expect(set.threads == 2)
  }

  @Test func autoDividesTheCoresAndSaysWhy() throws {
    let folder = TemporaryFolder()
    let cores = ProcessInfo.processInfo.activeProcessorCount
    let alone = try train(folder, "alone", ["-n", "1", "--threads", "auto"])
    let threads = try #require(alone.threads)
    #expect((1...cores).contains(threads))
    #expect(alone.errors.contains("note: 1 rank × \(threads) thread"), "\(alone.errors)")
    #expect(try resolved(folder, "alone").contains("\nthreads = \"auto\"\n"))
    // A step of one sample is for one rank.
    let lone = try train(
      folder, "lone",
      ["-n", "auto", "--threads", "auto", "--set", "training.global_batch=1"])
    #expect(lone.threads == threads)
    #expect(
      try (object(folder, "lone/environment.json")["ranks_per_host"] as? [Int]) == [1])
    // Without a coordinator the ranks find out by themselves.
    let file = folder.logistic(steps: 3)
    let outcome = try Programs.mpirun(
      2, [file, "--threads", "auto", "--output", folder.path("by-hand")],
      program: "lockstep-worker")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let byHand = try object(folder, "by-hand/environment.json")["threads"] as? Int
    #expect((1...max(1, cores / 2)).contains(try #require(byHand)))
    #expect(
      (outcome.output + outcome.errors).contains("training.threads = auto: "), "\(outcome.errors)")
    // A rank that is bound to a core has that one.
    let bound = try Programs.run(
      "/usr/bin/env",
      [
        "taskset", "-c", "0", Programs.path("lockstep-worker"), file, "--threads", "auto",
        "--output", folder.path("bound"),
      ])
    #expect(bound.status == 0, "\(bound.errors)")
    #expect(try object(folder, "bound/environment.json")["threads"] as? Int == 1)
  }

  @Test func aWrongNumberIsOneLineOfUsage() throws {
    let folder = TemporaryFolder()
    let file = folder.logistic(steps: 3)
    let commands = [
      ["run", file, "-n", "1"], ["scale", file, "--ranks", "1"], ["verify", file],
      ["bench", "mlp-small", "-n", "1"], ["evaluate", file],
      ["predict", file, "--input", "x", "--output", "y.csv"], ["sample", file],
    ]
    for command in commands {
      for value in ["0", "-1", "x", "1e9", "1000000000", ""] {
        let outcome = try folder.lockstep(command + ["--threads", value]).finish()
        #expect(outcome.status == 64, "\(command) \(value): \(outcome.errors)")
        #expect(
          outcome.errors
            == "lockstep: --threads \(value): give a whole number from 1 to 1024, or auto\n",
          "\(command) \(value)")
      }
    }
    let worker = try Programs.run(Programs.path("lockstep-worker"), [file, "--threads", "0"])
    #expect(worker.status == 64 && worker.errors.contains("--threads 0: give a whole number"))
  }

  @Test func theLineOfADryRunBindsEachRankToItsCores() throws {
    let folder = TemporaryFolder()
    let file = folder.logistic(steps: 3)
    func line(_ options: [String]) throws -> (output: String, errors: String) {
      let outcome = try folder.lockstep(
        ["run", file, "--dry-run", "--output", folder.path("none")] + options
      ).finish()
      #expect(outcome.status == 0, "\(outcome.errors)")
      return (outcome.output, outcome.errors)
    }
    let hosts = ["--hosts", "a:8,b:8"]
    let four = try line(hosts + ["-n", "auto", "--threads", "4"]).output
    #expect(four.contains("-n 4 --host a:2,b:2 ") && four.contains("--map-by slot:PE=4"), "\(four)")
    #expect(four.contains("--set training.threads=4"))
    let auto = try line(hosts + ["-n", "4", "--threads", "auto"])
    #expect(auto.output.contains("-n 4 --host a:2,b:2 ") && auto.output.contains("slot:PE=4"))
    #expect(auto.errors.contains("note: 4 ranks × 4 threads: 8 cores a host for 2 ranks\n"))
    let both = try line(hosts + ["-n", "auto", "--threads", "auto"])
    #expect(both.output.contains("-n 16 --host a:8,b:8 ") && !both.output.contains("PE="))
    let most = try line(["-n", "1", "--threads", "64"])
    #expect(most.errors.contains("note: 1 rank × 64 threads on "), "\(most.errors)")
    #expect(!(try line(["-n", "1"]).output.contains("threads")))
  }

  @Test func benchAndEvaluateTakeThem() throws {
    let folder = TemporaryFolder()
    let bench = try folder.lockstep(
      ["bench", "mlp-small", "-n", "1", "--threads", "2", "--steps", "2", "--json"]
    ).finish()
    #expect(bench.status == 0 && bench.output.contains("\"ranks\":1,\"threads\":2,"), "\(bench)")
    _ = try train(folder, "run", ["-n", "1"])
    let results = try ["1", "2", "auto"].map { count in
      let outcome = try folder.lockstep(
        ["evaluate", folder.path("run"), "--json", "--threads", count]
      ).finish()
      #expect(outcome.status == 0, "\(outcome.errors)")
      return outcome.output
    }
    #expect(Set(results).count == 1, "\(results)")
  }

  @Test func aStudyOfFixedCoresComparesRanksAndThreads() throws {
    let folder = TemporaryFolder()
    let file = folder.logistic(steps: 3)
    let study = ["scale", file, "--output", folder.path("study"), "--repeats", "1"]
    let outcome = try folder.lockstep(study + ["--cores", "2", "--steps", "40"]).finish()
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("ranks × threads on 2 cores"), "\(outcome.output)")
    #expect(outcome.output.contains("fastest: ") && !outcome.output.contains("Amdahl"))
    let points = try #require(object(folder, "study/scale.json")["points"] as? [[String: Any]])
    #expect(points.map { $0["ranks"] as? Int } == [1, 2])
    #expect(points.map { $0["threads"] as? Int } == [2, 1])
    let page = try String(contentsOf: folder.url("study/report.html"), encoding: .utf8)
    #expect(page.contains("Step by threads a rank") && page.contains("1 rank × 2 threads"))
    for (options, words) in [
      (["--cores", "4", "--ranks", "3"], "4 cores do not divide evenly among 3 ranks"),
      (["--cores", "0"], "--cores 0: give a number"),
      (["--cores", "2", "--threads", "2"], "--threads does not go with --cores"),
      (["--cores", "2", "--mode", "weak"], "--mode weak does not go with --cores"),
      ([], "give --ranks 1,2,…, or --cores N"),
      (["--ranks", "1", "--threads", "auto"], "each number of ranks would have all cores"),
    ] {
      let wrong = try folder.lockstep(study + options).finish()
      #expect(
        wrong.status == 64 && wrong.errors.contains(words)
          && wrong.errors.split(separator: "\n").count == 1, "\(options): \(wrong.errors)")
    }
  }
}
