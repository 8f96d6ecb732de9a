import Foundation
import Models
import RankTesting
import TensorFiles
import Testing
import Vectors

/// `training.reproducible = "any-cpu"`: the weights after a few steps of ten experiments are those
/// that are stored here, whatever the CPU, the number of ranks and the number of threads.
@Suite(.serialized) struct AnyCPUTests {
  /// SHA-256 over the values of all tensors, in the order of their names.
  static let digests = [
    "cartpole": "4937ac96792c18dd0e3bed1a30c2c7eb6a5c9fb4eb78efaade5bad9c277bd0d0",
    "digits-logistic": "47c8c949c1d634845429284b49643b14ef31bfc1dd28a9067f67585a665fc33d",
    "fashion-cnn": "60ba9d8478fb5e51cceb39fdbbcda6127cb90b037fb4308473fdd1f85b9c89ca",
    "fashion-mlp": "ed14dcb9ddc0c2355357567273bb472274882121fe082e39c614ea562dd6ec82",
    "gpt": "3421c8e507e2b1da4af1f029c114cae0173e856d8671316103ed01b1188dfd5e",
    "kmeans": "8467c6187f11619a298125bb4ac199f3f3d3dc8695bf7c887e5abdc7d3b5b2f7",
    "lstm": "c937c9bf487f0f9713b3b56aa07c5c515a7028e351911064f8e3ce141633a7b0",
    "temporal-order": "e1f5270c53f12206516b11c77c052b79ceb0d7199f8f375508c09dc37d7e6346",
    "vae": "9e6d8aa51897a461c171f6db0b5ee9414d8746a65a029e6b782cac82ae8f2db7",
    "wine-linear": "6ba03bf97236bbb1b75c58ff0dd1e6645e42399ec46dd6eee5d5684097548364",
  ]

  /// What the digests hold for: libraries of other versions may add in another order.
  static let hasTheLibraries =
    computeLibraryVersion() == "2.6.3" && OpenBLAS.here()?.version == "0.3.21"
    && KernelInstructions.name != "baseline"

  private func digest(
    _ name: String, ranks: Int, threads: Int, reproducible: String = "any-cpu",
    environment: [String: String] = [:]
  ) throws -> String {
    let folder = TemporaryFolder()
    let root = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL
    let outcome = try Programs.mpirun(
      ranks,
      [
        root.appending(path: "Launch/experiments/\(name).toml").path, "--output",
        folder.path("run"), "--threads", "\(threads)", "--set", "training.steps=3", "--set",
        "training.reproducible=\(reproducible)", "--set", "stop.rule=none",
      ], program: "lockstep-worker", environment: environment)
    try #require(outcome.status == 0, "\(name): \(outcome.output) \(outcome.errors)")
    let file = try SafeTensors(path: folder.path("run/final.safetensors"))
    var sum = SHA256()
    for tensor in file.names.sorted() {
      let values = try file.floats(named: tensor)
      sum.update(values.span.bytes)
    }
    return sum.finish()
  }

  @Test(.enabled(if: hasTheLibraries), arguments: digests.keys.sorted())
  func weightsAreTheSameAnywhere(_ name: String) throws {
    let stored = Self.digests[name]
    #expect(try digest(name, ranks: 1, threads: 1) == stored)
    #expect(try digest(name, ranks: 2, threads: 3) == stored)
  }

  /// On a CPU with more, also with every library held to AVX2 from outside.
  @Test(.enabled(if: hasTheLibraries && KernelInstructions.name == "avx512"))
  func whatIsHeldFromOutsideIsTheSame() throws {
    let held = [
      "LOCKSTEP_MAX_CPU": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "OPENBLAS_CORETYPE": "Haswell",
    ]
    for name in ["fashion-cnn", "gpt", "lstm"] {
      #expect(
        try digest(name, ranks: 2, threads: 1, environment: held) == Self.digests[name], "\(name)")
    }
  }

  /// In the ordinary reproducible mode, too, any number of threads makes the same bits.
  @Test(arguments: ["gpt", "residual-cnn"]) func threadsShowInNoBit(_ name: String) throws {
    let one = try digest(name, ranks: 1, threads: 1, reproducible: "true")
    #expect(try digest(name, ranks: 1, threads: 2, reproducible: "true") == one)
    #expect(try digest(name, ranks: 3, threads: 3, reproducible: "true") == one)
  }

  @Test func aCPUWithoutAVX2IsRefused() throws {
    let folder = TemporaryFolder()
    let root = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL
    let outcome = try Programs.mpirun(
      2,
      [
        root.appending(path: "Launch/experiments/wine-linear.toml").path, "--output",
        folder.path("run"), "--set", "training.reproducible=any-cpu",
      ], program: "lockstep-worker", environment: ["LOCKSTEP_MAX_CPU": "baseline"])
    #expect(outcome.status == 64)
    #expect(
      outcome.errors.contains(
        "training.reproducible = \"any-cpu\" computes as on a CPU with AVX2; this process has only baseline"
      ), "\(outcome.errors)")
  }
}
