import Configuration
import Data
import Foundation
import RankTesting
import TensorFiles
import Testing

/// Runs on tables with categories and missing values, on ranks.
@Suite struct TableRunTests {
  private let text = """
    [model]
    hidden = [4]
    [data]
    kind = "csv"
    path = "t.csv"
    label = "kind"
    validation = 0
    [training]
    steps = 3
    global_batch = 6
    micro_batch = 2
    reproducible = true
    """

  private func train(_ folder: TemporaryFolder, ranks: Int, _ settings: [String]) throws -> Outcome
  {
    let file = folder.write(text, to: "x.toml")
    return try Programs.mpirun(
      ranks,
      [file, "--output", "\(folder.path)/run", "--force"] + settings.flatMap { ["--set", $0] },
      program: "lockstep-worker")
  }

  @Test func categoriesAndMeansAreTrainedOnAndKept() throws {
    let folder = TemporaryFolder()
    let colours = ["red", "blue", "green", "blue"]
    folder.write(
      "size,colour,kind\n"
        + (0..<20).map {
          "\($0 == 3 ? "" : "\($0)"),\(colours[$0 % 4]),\($0 % 3 == 0 ? "a" : "b")\n"
        }
        .joined(), to: "t.csv")
    let refused = try train(folder, ranks: 2, [])
    #expect(
      refused.status == 65
        && refused.rankLines.count == 1
        && refused.errors.contains(
          "\(folder.path)/t.csv: byte 44: line 5, column \"size\": the value is missing; fill it in, or set data.missing to \"mean\" or \"drop\""
        ), "\(refused.errors)")
    var digests: Set<Data> = []
    for ranks in 1...3 {
      let outcome = try train(folder, ranks: ranks, ["data.missing=mean"])
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(
        outcome.output.contains(
          "1 missing values became the mean of the rows trained on: 1 of \"size\""),
        "\(outcome.output)")
      let path = "\(folder.path)/run/final.safetensors"
      digests.insert(try Data(contentsOf: URL(filePath: path)))
      let encoding = try #require(try TrainedModel(path: path).encoding)
      #expect(encoding.inputs.map(\.column.name) == ["size", "colour"])
      #expect(encoding.inputs[1].categories == ["blue", "green", "red"])
      #expect(encoding.classes == ["a", "b"] && encoding.missing == .mean)
      let tensor = try #require(
        try SafeTensors(path: path).tensors.first { $0.name == "layers.0.weight" })
      #expect(tensor.shape == [4, 4])
    }
    #expect(digests.count == 1)
    let dropped = try train(folder, ranks: 2, ["data.missing=drop"])
    #expect(
      dropped.status == 0
        && dropped.output.contains("1 of 20 rows lack a value and were left out"),
      "\(dropped.errors) \(dropped.output)")
  }

  @Test func anotherTableIsTheTestSet() throws {
    let folder = TemporaryFolder()
    folder.write(
      "size,colour,kind\n"
        + (0..<9).map { "\($0),\($0 % 2 == 0 ? "red" : "blue"),\($0 % 2)\n" }
        .joined(), to: "t.csv")
    let more = folder.write("kind,colour,size\n1,blue,3\n0,red,4\n", to: "more.csv")
    let file = folder.write(text.replacing("validation = 0", with: ""), to: "x.toml")
    func run() throws -> Outcome {
      try Programs.mpirun(
        2,
        [
          file, "--output", "\(folder.path)/run", "--force", "--set",
          "data.validation_path=\(more)",
        ], program: "lockstep-worker")
    }
    let outcome = try run()
    #expect(outcome.status == 0, "\(outcome.errors)")
    folder.write("kind,colour,size\n1,blue,3\n0,green,4\n", to: "more.csv")
    let refused = try run()
    #expect(
      refused.status == 65 && refused.rankLines.count == 1
        && refused.errors.contains(
          "\(more): byte 28: line 3, column \"colour\": no row trained on has this category; leave the row out, or train on rows that have it"
        ), "\(refused.errors)")
  }

  @Test func aHeldOutCategoryThatNothingTrainedOnHasIsRefused() throws {
    let folder = TemporaryFolder()
    folder.write(
      "size,colour,kind\n" + (0..<20).map { "\($0),colour\($0),\($0 % 2)\n" }.joined(), to: "t.csv")
    let outcome = try train(folder, ranks: 2, ["data.validation=0.1"])
    #expect(outcome.status == 65 && outcome.rankLines.count == 1, "\(outcome.errors)")
    #expect(
      outcome.rankLines.first?.contains(
        "column \"colour\": this row is held out for testing, and no row trained on has its category"
      )
        == true, "\(outcome.errors)")
  }
}
