import Data
import Foundation
import RankTesting
import TensorFiles
import Testing

/// The tables that ship with the experiments, trained on as a user would.
@Suite struct TableTests {
  private static let experiments = URL(filePath: #filePath).deletingLastPathComponent().appending(
    path: "../../Launch/experiments"
  )
  .standardized

  /// Gradient descent on all rows at once ends at the solution of the normal equations, in Double
  /// from the numbers of the file.
  @Test func leastSquaresIsTheSolutionOfTheNormalEquations() throws {
    let folder = TemporaryFolder()
    let outcome = try Programs.mpirun(
      2,
      [
        Self.experiments.appending(path: "wine-linear.toml").path, "--output", "\(folder.path)/run",
        "--set", "training.global_batch=160",
        "--set",
        "training.epochs=3000", "--set", "optimizer.learning_rate=0.05", "--set",
        "schedule.kind=constant", "--set", "data.validation=0.1",
        "--set", "clip.rule=none",
      ], program: "lockstep-worker")
    #expect(outcome.status == 0, "\(outcome.errors)")

    let lines = try String(
      contentsOf: Self.experiments.appending(path: "data/wine.csv"), encoding: .utf8
    ).split(separator: "\n")
      .dropFirst()
    let rows = lines.map { $0.split(separator: ",").map { Double($0)! } }
    let heldOut = TrainTestSplit(of: rows.count, fraction: 0.1, seed: 1)
    let train = heldOut.train.map { rows[Int($0)] }
    #expect(rows.count == 178 && train.count == 160)
    let columns = (1...12).map { column in train.map { $0[column] } }
    let moments = columns.map { values in
      let mean = values.reduce(0, +) / 160
      return (
        mean: mean,
        deviation: (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 160).squareRoot()
      )
    }
    func features(_ row: [Double]) -> [Double] {
      moments.enumerated().map { (row[$0 + 1] - $1.mean) / $1.deviation } + [1]
    }
    var system = [[Double]](repeating: [Double](repeating: 0, count: 14), count: 13)
    for row in train {
      let x = features(row)
      for i in 0..<13 {
        for (j, value) in (x + [row[0]]).enumerated() { system[i][j] += x[i] * value }
      }
    }
    let solution = solve(system)

    let file = try SafeTensors(path: "\(folder.path)/run/final.safetensors")
    let trained = try (file.floats(named: "layers.0.weight") + file.floats(named: "layers.0.bias"))
      .map(Double.init)
    #expect(trained.count == 13)
    for (found, exact) in zip(trained, solution) {
      #expect(abs(found - exact) < 2e-5, "\(found), not \(exact)")
    }

    // The loss of the report is the mean squared error over the rows held out.
    let errors = heldOut.test.map { rows[Int($0)] }.map { row in
      zip(features(row), solution).reduce(-row[0]) { $0 + $1.0 * $1.1 }
    }
    let loss = errors.reduce(0) { $0 + $1 * $1 } / Double(errors.count)
    let final = try #require(try folder.json("run/report.json")["final"] as? NSDictionary)
    #expect(abs((final["loss"] as? Double ?? 0) / loss - 1) < 1e-3)
  }

  /// The digits in ten clusters, against the inertia of scikit-learn 1.9.1's
  /// `KMeans(10, n_init=10, tol=0)`; single runs of it reach 1.165 to 1.219 million.
  @Test func clustersOfTheDigitsAreAsTightAsScikitLearns() throws {
    let folder = TemporaryFolder()
    let outcome = try Programs.mpirun(
      2,
      [
        Self.experiments.appending(path: "kmeans.toml").path, "--output", "\(folder.path)/run",
        "--set", "model.starts=10", "--set",
        "training.steps=60",
      ], program: "lockstep-worker")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let last = try #require(try folder.records("run/metrics.jsonl").last)
    let inertia = 2 * 1797 * (try #require(last["loss"] as? Double))
    #expect(
      inertia < 1.01 * 1_165_188.890449232 && inertia > 0.9999 * 1_165_188.890449232, "\(inertia)")
    #expect(last["samples"] as? Int == 60 * 1797)
  }

  /// The same numbers from memory, and from files that a thread reads ahead, train to the same bits
  /// with every order and number of epochs.
  @Test(arguments: [
    [], ["regularization.sam_radius=0.05"],
    ["training.global_batch=9", "regularization.sam_radius=0.05"],
    ["training.reproducible=true", "report.noise=micro-batches"],
    ["schedule.batch=noise-scale", "schedule.max_batch=48", "training.epochs=20"],
  ])
  func readingAheadChangesNoBits(_ settings: [String]) throws {
    let folder = TemporaryFolder()
    let rows = (0..<95).map { (row: Int) -> [Float] in
      (0..<5).map { (column: Int) -> Float in Float((row * 37 + column * 11) % 101) / 16 - 3 }
    }
    let lines = rows.map { row in row.map { "\($0)" }.joined(separator: ",") }
    folder.write(lines.joined(separator: "\n"), to: "t.csv")
    for (name, columns) in [("x", 0..<4), ("y", 4..<5)] {
      let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (95, \(columns.count))}"
      var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8)
      bytes += [1, 0, UInt8(header.utf8.count), 0]
      bytes += Array(header.utf8)
      let numbers: [Float] = rows.flatMap { $0[columns] }
      numbers.withUnsafeBytes { bytes += Array($0) }
      try Data(bytes).write(to: URL(filePath: "\(folder.path)/\(name).npy"))
    }
    let training = """
      [model]
      kind = "linear"
      [training]
      global_batch = 12
      micro_batch = 4
      epochs = 3
      [data]

      """
    let memory = folder.write(
      training + "kind = \"csv\"\npath = \"t.csv\"\ntargets = 4\nstandardize = false",
      to: "memory.toml")
    let files = folder.write(
      training + "kind = \"npy\"\npath = \"x.npy\"\ntargets_path = \"y.npy\"", to: "files.toml")
    var weights: [Data] = []
    for (name, file) in [("memory", memory), ("files", files)] {
      let outcome = try Programs.mpirun(
        2, [file, "--output", "\(folder.path)/\(name)"] + settings.flatMap { ["--set", $0] },
        program: "lockstep-worker")
      #expect(outcome.status == 0, "\(outcome.errors)")
      weights.append(
        try Data(contentsOf: URL(filePath: "\(folder.path)/\(name)/final.safetensors")))
    }
    // The files differ in what they say of the columns.
    let numbers = weights.map { file in
      let header = file.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
      return file.dropFirst(8 + header)
    }
    #expect(numbers[0].count >= 20 && numbers[0] == numbers[1])
    let losses = try ["memory", "files"].map {
      try folder.records("\($0)/metrics.jsonl").map { $0["loss"] as? Double }
    }
    #expect(losses[0] == losses[1] && losses[0].count >= 24)
    // 160 steps would not have grown.
    if settings.count == 3 { #expect(losses[0].count < 160) }
  }

  @Test func digitsAreLearnt() throws {
    let folder = TemporaryFolder()
    let outcome = try Programs.mpirun(
      2,
      [
        Self.experiments.appending(path: "digits-logistic.toml").path, "--output",
        "\(folder.path)/run", "--set", "training.epochs=5",
      ],
      program: "lockstep-worker")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let final = try #require(try folder.json("run/report.json")["final"] as? NSDictionary)
    #expect(final["accuracy"] as? Double ?? 0 > 0.9, "\(final)")
  }
}

/// Gaussian elimination with pivots; the right-hand side is the last column.
private func solve(_ system: [[Double]]) -> [Double] {
  var rows = system
  let count = rows.count
  for column in 0..<count {
    let pivot = (column..<count).max { abs(rows[$0][column]) < abs(rows[$1][column]) }!
    rows.swapAt(column, pivot)
    for row in 0..<count where row != column {
      let factor = rows[row][column] / rows[column][column]
      for index in column...count { rows[row][index] -= factor * rows[column][index] }
    }
  }
  return (0..<count).map { rows[$0][count] / rows[$0][$0] }
}
