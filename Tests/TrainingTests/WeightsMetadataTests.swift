import Configuration
import ExperimentKeys
import Files
import RankTesting
import TensorFiles
import Testing
import Training

/// The description of the model in a weights file is read like an experiment file: any mistake is
/// an error.
@Suite struct WeightsMetadataTests {
  private let folder: TemporaryFolder

  init() throws { folder = TemporaryFolder() }

  private func failure(
    model: String, samples: String = #"{"inputs":2,"tokens":0,"labels":1,"targets":0,"classes":2}"#
  ) throws -> String? {
    let path = "\(folder.path)/weights.safetensors"
    let writer = try SafeTensorsWriter(
      path: path, tensors: [("a", [0])], metadata: ["model": model, "samples": samples])
    try writer.finish()
    do {
      _ = try TrainedModel(path: path)
      return nil
    } catch {
      return "\(error)".replacing(path, with: "W")
    }
  }

  // E2
  @Test func aDamagedModelSectionIsAnError() throws {
    for (model, error) in [
      ("[@x]", "W:1: not TOML: wanted a key, found \"@\" (column 2)"),
      ("[model]\n[é", "W:2: not TOML: wanted a key, found \"é\" (U+00E9) (column 2)"),
      ("[model]\nkind = \"mlp\"\n\0", "W:3: byte 21: a NUL; an experiment file is UTF-8 text"),
      ("[model]\nkind = \"none\"", "W:2: model.kind: \"none\" is not one of "),
    ] { #expect(try failure(model: model)?.hasPrefix(error) == true, "\(error)") }
    let deep = Array(repeating: "a", count: 30_000).joined(separator: ".")
    #expect(
      try failure(model: "\(deep) = 1")?.hasPrefix("W:1: not TOML: more than 64 levels") == true)
  }
}
