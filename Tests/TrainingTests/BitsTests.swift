import Foundation
import RankTesting
import Recording
import Reports
import TensorFiles
import Testing
import Verification

/// `training.reproducible`: the same bits at 1, 2, 3, 4, 5 and 8 ranks, sharded and replicated,
/// with any algorithm of MPI.
@Suite(.serialized) struct BitsTests {
  @Test func everyRuleHasTheSameBitsAtEveryRankCount() throws {
    let outcome = try Programs.mpirun(8, ["bits"])
    outcome.expectCasesPass()
    print("bits, \(outcome.seconds) s")
  }

  @Test func modelsOfTextsHaveTheSameBitsAtEveryRankCount() throws {
    let text = try #require(Bundle.module.url(forResource: "Golden", withExtension: nil)).appending(
      path: "text.txt")
    let tokenizer = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../DataTests/Golden/tokenizer.json"
    ).standardizedFileURL
    let folder = TemporaryFolder()
    let outcome = try Programs.mpirun(
      4, ["bits-text", text.path, tokenizer.path, folder.path])
    outcome.expectCasesPass()
    print("bits-text, \(outcome.seconds) s")
  }

  /// 50 images to train on and 9 to test with, of 12 × 13 pixels.
  private func images() -> TemporaryFolder {
    let folder = TemporaryFolder()
    for (stem, count) in [("train", 50), ("t10k", 9)] {
      // Of no pattern.
      let pixels = (0..<count * 12 * 13).map { UInt8(truncatingIfNeeded: $0 * $0 / 7 + $0) }
      folder.writeIDX([count, 12, 13], pixels, to: "\(stem)-images-idx3-ubyte")
      folder.writeIDX(
        [count], (0..<count).map { UInt8($0 * 3 % 5) }, to: "\(stem)-labels-idx1-ubyte")
    }
    return folder
  }

  @Test func modelsOfImagesHaveTheSameBitsAtEveryRankCount() throws {
    let folder = images()
    let outcome = try Programs.mpirun(4, ["bits-images", folder.path])
    outcome.expectCasesPass()
    print("bits-images, \(outcome.seconds) s")
  }

  /// At 1, 2, 3, 4 and 8 ranks, and resumed in the middle of an epoch: weights, their mean, the
  /// best ones, running statistics and evaluations, the last of which patience makes.
  @Test func aNetworkWithBatchStatisticsHasTheSameBitsAtEveryRankCount() throws {
    let (data, folder) = (images(), TemporaryFolder())
    let outcome = try Programs.mpirun(8, ["bits-network", data.path, folder.path])
    outcome.expectCasesPass()
    try #require(outcome.status == 0, "\(outcome.rankLines)")
    let evaluations = try folder.text("whole/evaluations.jsonl")
    #expect(evaluations.split(separator: "\n").count > 3 && evaluations.contains("average"))
    func bytes(_ name: String) throws -> Data {
      try Data(contentsOf: URL(filePath: folder.path(name)))
    }
    for ranks in [1, 2, 4, 8] {
      #expect(try folder.text("on-\(ranks)/evaluations.jsonl") == evaluations, "\(ranks) ranks")
      for name in ["final", "average", "best"] {
        #expect(
          try bytes("on-\(ranks)/\(name).safetensors") == bytes("whole/\(name).safetensors"),
          "\(name) of \(ranks) ranks")
      }
    }
    let names = try SafeTensors(path: folder.path("whole/average.safetensors")).names
    #expect(names.contains("1.running_mean") && names.contains("7.running_var"))
  }

  /// Also after a resume in the middle of an epoch; what is evaluated is never changed.
  @Test func imagesAreChangedAlikeAtEveryRankCount() throws {
    let folder = images()
    for picture in 0..<20 {
      let pixels = (0..<8 * 7 * 3).map { UInt8(truncatingIfNeeded: $0 * $0 / 5 + $0 * picture) }
      folder.write(
        Picture(width: 7, height: 8, channels: 3, pixels: pixels).png(),
        to: "pictures/\(picture % 3)/\(picture).png")
    }
    let outcome = try Programs.mpirun(4, ["bits-augmented", folder.path])
    outcome.expectCasesPass()
    print("bits-augmented, \(outcome.seconds) s")
  }

  /// Transports and algorithms that add and move in other orders.
  @Test func noTransportOrAlgorithmChangesBits() throws {
    var digests: [String] = []
    for words in [TestMPI.overTCP] + TestMPI.allReduceAlgorithms {
      let outcome = try Programs.mpirun(8, ["bits", "few"], mpirunArguments: words)
      outcome.expectCasesPass()
      #expect(outcome.status == 0, "\(words)")
      digests.append(outcome.output)
    }
    #expect(Set(digests).count == 1 && digests[0].hasPrefix("digest "), "\(digests)")
  }

  @Test func aRunResumedOnOtherRankCountsHasTheSameBits() throws {
    let folder = TemporaryFolder()
    let outcome = try Programs.mpirun(8, ["bits-resume", folder.path])
    try #require(outcome.status == 0, "\(outcome.rankLines)")
    let runs = try ["whole", "on-1", "on-2", "on-5", "on-8"].map {
      try record($0, in: folder, last: 8)
    }
    #expect(
      runs[0].quantities.count { $0.name == "loss" } == 8
        && runs[0].final("checkpoint model_sha256") != nil)
    let comparison = RunComparison(runs)
    #expect(comparison.areIdentical, "\(comparison.differences)")
  }

  static let faults = [
    "gradient:0:1:0", "gradient:2:4:22", "gradient:1:6:30", "weights:1:3:0", "weights:0:1:31",
    "weights:3:5:12", "ledger:0:2:0",
    "ledger:2:5:17",
    "ledger:3:1:31",
  ]

  /// The traces name place, rank and step of any flipped bit; without one they are equal.
  @Test func aFlippedBitIsFound() throws {
    let folder = TemporaryFolder()
    let outcome = try Programs.mpirun(4, ["bits-traces", folder.path] + Self.faults)
    try #require(outcome.status == 0, "\(outcome.rankLines)")
    print("bits-traces, \(outcome.seconds) s")
    func traced(_ name: String, _ ranks: Int) throws -> TracedRun {
      try TracedRun(ranks: ranks) {
        try? [UInt8](
          Data(contentsOf: URL(filePath: "\(folder.path)/\(name)-\(ranks)/trace/rank-\($0).jsonl")))
      }
    }
    let sound = try [1, 2, 3, 4].map { try traced("sound", $0) }
    #expect(FaultLocalization.firstFault(in: sound) == nil)
    #expect(
      sound[0].records[0].count == 8 && sound[0].records[0].map(\.step) == [0, 1, 2, 3, 4, 5, 6, 6])
    let ascent = try [1, 2, 3, 4].map { try traced("ascent", $0) }
    #expect(FaultLocalization.firstFault(in: ascent) == nil)
    #expect(ascent[3].records[0][1].stages.count { $0.kind == .sent } == 3, "SAM, the step, LAMB")

    for fault in Self.faults {
      let words = fault.split(separator: ":")
      let (rank, step) = (try #require(Int(words[1])), try #require(Int(words[2])))
      let kind: StepTrace.Kind = ["gradient": .gradient, "weights": .weights, "ledger": .sent][
        String(words[0])]!
      for ranks in max(2, rank + 1)...4 {
        for name in [fault, "replicated-" + fault] {
          for others in [
            [1, 2, 3, 4], [1, ranks], [ranks, 5 - ranks].filter { $0 > 1 }.sorted(),
          ] where Set(others).count > 1 {
            let runs = try others.map { $0 == ranks ? try traced(name, ranks) : sound[$0 - 1] }
            let blame = try #require(
              FaultLocalization.firstFault(in: runs), "\(name) on \(ranks) ranks is not found")
            // Of two runs, the one with fewer ranks counts as right.
            if kind == .gradient && others.count == 2 && ranks < others.max()! { continue }
            #expect(
              blame.kind == kind && blame.step == step && blame.ranks == ranks
                && blame.rank == rank,
              "\(name) among \(others): \(blame.text)")
            #expect(blame.others == 0)
          }
        }
      }
    }
  }

  private func record(_ name: String, in folder: TemporaryFolder, last: Int) throws -> RecordedRun {
    func bytes(_ file: String) throws -> [UInt8] {
      try [UInt8](Data(contentsOf: URL(filePath: "\(folder.path)/\(name)/\(file)")))
    }
    return try RecordedRun(
      ranks: 1, metrics: bytes("metrics.jsonl"), report: bytes("report.json"),
      state: bytes("checkpoints/step-0000000\(last)/state.json"))
  }
}
