import Foundation
import RankTesting
import Testing

/// `lockstep predict` on arrays, images and files of many rows.
@Suite struct PredictArrayTests {
  private func run(_ folder: TemporaryFolder, _ text: String) throws {
    let outcome = try folder.lockstep([
      "run", folder.write(text, to: "x.toml"), "-n", "1", "--force", "--output", folder.path("run"),
    ]).finish()
    try #require(outcome.status == 0, "\(outcome.errors)")
  }

  private func predict(_ folder: TemporaryFolder, _ input: String, _ output: String) throws
    -> Outcome
  {
    try folder.lockstep([
      "predict", folder.path("run"), "--input", folder.path(input), "--output",
      folder.path(output), "--force",
    ]).finish()
  }

  @Test func imagesAreReadFromIDXAndNpy() throws {
    let folder = TemporaryFolder()
    func pixels(_ count: Int) -> [UInt8] { (0..<count).map { UInt8($0 * 37 % 251) } }
    for (stem, count) in [("train", 24), ("t10k", 8)] {
      folder.writeIDX([count, 4, 5], pixels(count * 20), to: "set/\(stem)-images-idx3-ubyte")
      folder.writeIDX(
        [count], (0..<count).map { UInt8($0 % 3) }, to: "set/\(stem)-labels-idx1-ubyte")
    }
    try run(
      folder,
      """
      [model]
      hidden = [6]
      [data]
      kind = "idx"
      path = "set"
      [training]
      steps = 5
      global_batch = 8
      """)
    let images = pixels(10 * 20)
    folder.writeIDX([10, 4, 5], images, to: "images")
    folder.write(npyBytes("|u1", [10, 4, 5], images), to: "images.npy")
    folder.write(npyBytes("|u1", [10, 20], images), to: "flat.npy")
    let floats = images.map { Float($0) / 255 }
    folder.write(
      npyBytes("<f4", [10, 1, 4, 5], floats.withUnsafeBytes { Array($0) }), to: "planes.npy")
    for input in ["images", "images.npy", "flat.npy", "planes.npy"] {
      for output in ["csv", "npy"] {
        let outcome = try predict(folder, input, "\(input)-out.\(output)")
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(
          folder.bytes("\(input)-out.\(output)") == folder.bytes("images-out.\(output)"), "\(input)"
        )
      }
    }
    let (shape, values) = try readNpy(folder.bytes("images-out.npy"))
    #expect(shape == [10, 3])
    let model = try ExportedModel(folder.path("run/final.safetensors"))
    let lines = try folder.lines("images-out.csv")
    #expect(lines[0] == "class,p_0,p_1,p_2" && lines.count == 11)
    for row in 0..<10 {
      let inputs = images[row * 20..<row * 20 + 20].map { Double($0) / 255 }
      let wanted = ExportedModel.softmax(try model.outputs(of: inputs))
      let cells = lines[row + 1].split(separator: ",")
      #expect(Int(cells[0]) == wanted.indices.max { wanted[$0] < wanted[$1] })
      for column in 0..<3 {
        #expect(abs(Double(values[row * 3 + column]) - wanted[column]) < 1e-5)
        #expect(Float(cells[column + 1]) == values[row * 3 + column])
      }
    }
    // Wrong forms, and files that are damaged.
    folder.write(npyBytes("|u1", [10, 5, 4], images), to: "turned.npy")
    folder.write(npyBytes("|u1", [20, 10], images), to: "narrow.npy")
    folder.write(npyBytes("|u1", [1 << 40, 20], images), to: "claim.npy")
    folder.write(Array(folder.bytes("images").dropLast()), to: "short")
    folder.write("a,b\n1,2\n", to: "table.csv")
    let wrong: [(input: String, status: Int32, words: String)] = [
      ("turned.npy", 64, "a row is 5×4, the model takes images of 4×5"),
      ("narrow.npy", 64, "a row is 10, the model takes images of 4×5"),
      ("claim.npy", 65, "bytes of data declared"),
      ("short", 65, "short: byte 215: ends here"),
      ("table.csv", 64, "is neither a .npy nor an IDX file"),
      ("none", 65, "none: cannot be opened"),
    ]
    for (input, status, words) in wrong {
      let outcome = try predict(folder, input, "wrong.csv")
      #expect(
        outcome.status == status && outcome.errors.contains(words)
          && outcome.errors.split(separator: "\n").count == 1 && !folder.exists("wrong.csv"),
        "\(outcome.status) \(outcome.errors)")
    }
  }

  @Test func valuesHaveTheTargetsNames() throws {
    let folder = TemporaryFolder()
    let rows: [(Double, Double, Double)] = (0..<60).map { row in
      let (a, b) = (row % 11, row % 7)
      return (Double(a), Double(b), Double(2 * a - 3 * b))
    }
    folder.write(
      "a;b;sum\n" + rows.map { "\($0.0);\($0.1);\($0.2)\n" }.joined(), to: "sums.csv")
    try run(
      folder,
      """
      model.kind = "linear"
      [data]
      kind = "csv"
      path = "sums.csv"
      separator = ";"
      targets = ["sum"]
      [training]
      epochs = 30
      global_batch = 10
      [optimizer]
      learning_rate = 0.3
      """)
    folder.write("b;a\n" + rows.map { "\($0.1);\($0.0)\n" }.joined(), to: "new.csv")
    #expect(try predict(folder, "new.csv", "out.csv").status == 0)
    #expect(try predict(folder, "new.csv", "out.npy").status == 0)
    let lines = try folder.lines("out.csv")
    let (shape, values) = try readNpy(folder.bytes("out.npy"))
    #expect(lines[0] == "sum" && lines.count == 61 && shape == [60, 1])
    let model = try ExportedModel(folder.path("run/final.safetensors"))
    for (row, line) in lines.dropFirst().enumerated() {
      let inputs = try model.inputs(of: ["a": "\(rows[row].0)", "b": "\(rows[row].1)"])
      let wanted = try model.outputs(of: inputs)[0]
      #expect(abs(Double(values[row]) - wanted) < 1e-5 * max(1, abs(wanted)))
      #expect(Float(line) == values[row] && abs(wanted - rows[row].2) < 0.5)
    }
  }

  /// The memory that a large file takes is that of a small one.
  @Test func aLargeFileIsStreamed() throws {
    let folder = TemporaryFolder()
    try run(
      folder,
      """
      model.kind = "logistic"
      [data]
      kind = "blobs"
      samples = 64
      dimensions = 1000
      [training]
      steps = 1
      """)
    func peak(_ rows: Int) throws -> Int {
      let numbers = [UInt8](repeating: 0, count: rows * 4000)
      folder.write(npyBytes("<f4", [rows, 1000], numbers), to: "rows.npy")
      let program = try folder.lockstep([
        "predict", folder.path("run"), "--input", folder.path("rows.npy"), "--output",
        folder.path("out.csv"), "--force",
      ])
      var largest = 0
      while FileManager.default.fileExists(atPath: "/proc/\(program.identifier)") {
        guard
          let status = try? String(
            contentsOfFile: "/proc/\(program.identifier)/status", encoding: .utf8),
          let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") })
        else { break }
        largest = max(largest, Int(line.split(separator: " ")[1])!)
        usleep(1000)
      }
      let outcome = try program.finish()
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(try folder.lines("out.csv").count == rows + 1)
      return largest
    }
    // Of 96 MB.
    let most = try peak(24_000)
    #expect(most < 64 << 10, "\(most) KB")
  }
}
