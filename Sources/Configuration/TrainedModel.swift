import Data
import ExperimentKeys
import Files
import FoundationEssentials
import Models
import Recording
import TensorFiles
import Vectors

/// A model and its weights, read from one file: what `lockstep sample` works with.
///
/// Weights files hold in their metadata what the model is made from: its `[model]` section, the
/// shape of its samples, a text's vocabulary, and what a table's columns became.
public final class TrainedModel {
  /// The weights file that was read.
  public let path: String
  public let model: any Model
  public let samples: SampleShape
  /// The bytes that a text model's tokens stand for.
  public let vocabulary: Vocabulary?
  /// Or what its tokens are, where it was trained on those of a `tokenizer.json`.
  public let tokenizer: Tokenizer?
  /// How rows of a table become its inputs; nil for other data.
  public let encoding: TableEncoding?
  public let weights: FlatVector
  /// Whether the weights are centroids of samples.
  public var holdsCentroids: Bool { model is KMeans }

  /// Reads a weights file, the newest one of a checkpoint directory, or a run directory's final one
  /// or, where there is none, its newest checkpoint's.
  public init(path given: String, registry: Registry = Registry()) throws {
    path = Self.file(at: given)
    let file = try SafeTensors(path: path)
    guard let description = ModelDescription(metadata: file.metadata) else {
      throw FileError(
        path, "says nothing of the model that its tensors belong to",
        remedy: "give a run directory or a checkpoint written by Lockstep")
    }
    let recipe = try Experiment.ModelChoice(
      section: description.model, source: path, registry: registry
    ).recipe
    // What belongs to no starting weight may be anything.
    model = try recipe.model(for: description.samples, seed: 0)
    // Each element takes two bytes at least: what the file cannot hold is not asked memory for.
    guard model.layout.parameterCount <= file.byteCount / 2 else {
      throw FileError(
        path,
        "says that its model has \(model.layout.parameterCount) parameters, more than its \(file.byteCount) bytes can hold",
        remedy: "use another copy of the file")
    }
    samples = description.samples
    (vocabulary, tokenizer) = (description.vocabulary, description.tokenizer)
    encoding = description.encoding
    var weights = FlatVector(zeros: model.layout)
    let values = try model.layout.read(file) { $0 }
    values.withUnsafeBufferPointer { _ = weights.set(0..<weights.count, to: $0) }
    self.weights = weights
    if let statistics = model.runningStatistics {
      let values = try statistics.layout.read(file) { $0 }
      values.withUnsafeBufferPointer {
        _ = statistics.values.set(0..<statistics.values.count, to: $0)
      }
    }
  }

  private static func file(at path: String) -> String {
    let directory = RunDirectory(path)
    guard directory.exists else { return path }
    let newest = directory.newestCheckpoint.map {
      "\(directory.checkpoints)/\(RunDirectory.checkpointName($0))/model.safetensors"
    }
    let candidates =
      [path + "/model.safetensors", path + "/final.safetensors"] + (newest.map { [$0] } ?? [])
    return candidates.first { FileManager.default.fileExists(atPath: $0) } ?? path
      + "/final.safetensors"
  }
}

/// What a weights file says of its model besides the tensors.
package struct ModelDescription {
  /// The experiment's `[model]` section, as TOML.
  package var model: String
  package var samples: SampleShape
  package var vocabulary: Vocabulary?
  package var encoding: TableEncoding?
  package var tokenizer: Tokenizer?

  /// `section` is the experiment's `[model]` section.
  package init(_ section: String, data: any Dataset) {
    model = section
    samples = data.shape
    vocabulary = (data as? Text)?.vocabulary
    encoding = (data as? Table)?.encoding
    tokenizer = (data as? EncodedText)?.tokenizer
  }

  /// Nil where anything is missing or not what ``metadata`` wrote.
  package init?(metadata: [String: String]) {
    guard let model = metadata["model"], let text = metadata["samples"],
      let samples = try? JSONDecoder().decode(SampleShape.self, from: Data(text.utf8)),
      samples.isPossible
    else { return nil }
    (self.model, self.samples) = (model, samples)
    if let text = metadata["table"] {
      encoding = try? JSONDecoder().decode(TableEncoding.self, from: Data(text.utf8))
      guard encoding?.isPossible(for: samples) == true else { return nil }
    }
    if let text = metadata["tokenizer"] {
      tokenizer = try? Tokenizer(Array(text.utf8), path: "tokenizer.json")
      guard tokenizer?.count == samples.classes else { return nil }
    }
    guard let text = metadata["vocabulary"] else { return }
    let digits = Array(text.utf8)
    let bytes = stride(from: 0, to: digits.count - 1, by: 2).compactMap {
      UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)
    }
    guard bytes.count == samples.classes, digits.count == 2 * bytes.count else { return nil }
    vocabulary = Vocabulary(bytes)
  }

  /// As a safetensors file's `__metadata__`: `model` (TOML), `samples` (JSON), `vocabulary` (each
  /// byte as two hexadecimal digits), `tokenizer` (the `tokenizer.json`), `table` (a
  /// ``/Data/TableEncoding`` as JSON).
  package var metadata: [String: String] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let shape = (try? encoder.encode(samples)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    var result = ["model": model, "samples": shape]
    if let encoding {
      result["table"] = (try? encoder.encode(encoding)).map { String(decoding: $0, as: UTF8.self) }
    }
    if let tokenizer { result["tokenizer"] = tokenizer.text }
    if let vocabulary {
      result["vocabulary"] = vocabulary.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        .joined()
    }
    return result
  }
}
