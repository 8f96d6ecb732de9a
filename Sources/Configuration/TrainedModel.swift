import Data
import ExperimentKeys
import Files
import FoundationEssentials
import Models
import Recording
import TensorFiles
import Vectors

/// A model and its weights, read from one file: what `lockstep sample`, `evaluate` and `predict` work
/// with.
///
/// Weights files hold in their metadata what the model is made from: its `[model]` section, the
/// shape of its samples, the classes' names, a text's vocabulary, and what a table's columns became.
public final class TrainedModel {
  /// The weights file that was read.
  public let path: String
  public let model: any Model
  public let samples: SampleShape
  /// The bytes that a text model's tokens stand for.
  public var vocabulary: Vocabulary? { description.vocabulary }
  /// Or what its tokens are, where it was trained on those of a `tokenizer.json`.
  public var tokenizer: Tokenizer? { description.tokenizer }
  /// How rows of a table become its inputs; nil for other data.
  public var encoding: TableEncoding? { description.encoding }
  /// The classes' names: their numbers where they have no others.
  public var classNames: [String] {
    description.classes.isEmpty ? (0..<samples.classes).map(String.init) : description.classes
  }
  /// By what other data are read for the model.
  public var inputs: TrainedInputs {
    TrainedInputs(
      samples: samples, vocabulary: vocabulary, tokenizer: tokenizer, encoding: encoding,
      classes: description.classes)
  }
  public let weights: FlatVector
  let description: ModelDescription
  /// Whether the weights are centroids of samples.
  public var holdsCentroids: Bool { model is KMeans }

  /// Reads a weights file, the newest one of a checkpoint directory, or of a run directory those
  /// that `choice` names.
  public convenience init(
    path: String, choice: WeightsChoice = .newest, registry: Registry = Registry()
  ) throws {
    let file = try SafeTensors(path: choice.weightsFile(at: path))
    try self.init(path: file.path, metadata: file.metadata, registry: registry) { layout in
      try Self.values(layout, of: file)
    }
  }

  /// The elements of all tensors of a model, as one flat vector's.
  package static func values(_ layout: TensorLayout, of file: SafeTensors) throws(FileError)
    -> [Float]
  {
    // Each element takes two bytes at least: what the file cannot hold is not asked memory for.
    guard layout.parameterCount <= file.byteCount / 2 else {
      throw FileError(
        file.path,
        "says that its model has \(layout.parameterCount) parameters, more than its \(file.byteCount) bytes can hold",
        remedy: "use another copy of the file")
    }
    return try layout.read(file) { $0 }
  }

  package static func undescribed(_ path: String) -> FileError {
    FileError(
      path, "says nothing of the model that its tensors belong to",
      remedy: "give a run directory or a checkpoint written by Lockstep")
  }

  /// Makes the model that a file's metadata describe. `values` reads the tensors of a layout, as
  /// elements of one flat vector: the weights and, where there are some, the running statistics.
  package init(
    path: String, metadata: [String: String], registry: Registry,
    values: (TensorLayout) throws -> [Float]
  ) throws {
    self.path = path
    guard let description = ModelDescription(metadata: metadata) else {
      throw Self.undescribed(path)
    }
    let recipe = try Experiment.ModelChoice(
      section: description.model, source: path, registry: registry
    ).recipe
    model = try recipe.model(for: description.samples, seed: UInt64(description.seed ?? 0))
    samples = description.samples
    self.description = description
    let elements = try values(model.layout)
    var weights = FlatVector(zeros: model.layout)
    elements.withUnsafeBufferPointer { _ = weights.set(0..<weights.count, to: $0) }
    self.weights = weights
    if let statistics = model.runningStatistics {
      try values(statistics.layout).withUnsafeBufferPointer {
        _ = statistics.values.set(0..<statistics.values.count, to: $0)
      }
    }
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
  /// The classes' names; empty where they have none.
  package var classes: [String]
  /// The `[data]` section and, of the other keys, what an evaluation depends on: nil in files of
  /// earlier versions.
  package var data: String?
  package var seed: Int?
  package var microBatch: Int?

  /// `model` and `data` are the experiment's sections.
  package init(
    model: String, data: String?, seed: Int, microBatch: Int, trainedOn set: any Dataset
  ) {
    (self.model, self.data, self.seed, self.microBatch) = (model, data, seed, microBatch)
    samples = set.shape
    vocabulary = (set as? Text)?.vocabulary
    encoding = (set as? Table)?.encoding
    classes = set.classNames
    tokenizer = (set as? EncodedText)?.tokenizer
  }

  /// The parts of the experiment that are known, as TOML.
  package var experiment: String {
    [
      seed.map { "seed = \($0)\n" }, model, data,
      microBatch.map { "[training]\nmicro_batch = \($0)\n" },
    ].compactMap { $0 }.joined(separator: "\n")
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
    classes = encoding?.classes ?? []
    if let text = metadata["classes"] {
      guard let names = try? JSONDecoder().decode([String].self, from: Data(text.utf8)),
        names.count == samples.classes
      else { return nil }
      classes = names
    }
    data = metadata["data"]
    seed = metadata["seed"].flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil }
    microBatch = metadata["micro_batch"].flatMap { Int($0) }
    guard let text = metadata["vocabulary"] else { return }
    let digits = Array(text.utf8)
    let bytes = stride(from: 0, to: digits.count - 1, by: 2).compactMap {
      UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)
    }
    guard bytes.count == samples.classes, digits.count == 2 * bytes.count else { return nil }
    vocabulary = Vocabulary(bytes)
  }

  /// As a safetensors file's `__metadata__`: `model` and `data` (TOML), `seed`, `micro_batch`,
  /// `samples` (JSON), `classes` (a JSON list, where they have names), `vocabulary` (each byte as two
  /// hexadecimal digits), `tokenizer` (the `tokenizer.json`), `table` (a ``/Data/TableEncoding`` as
  /// JSON).
  package var metadata: [String: String] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let shape = (try? encoder.encode(samples)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    var result = ["model": model, "samples": shape]
    if let encoding {
      result["table"] = (try? encoder.encode(encoding)).map { String(decoding: $0, as: UTF8.self) }
    } else if !classes.isEmpty {
      result["classes"] = (try? encoder.encode(classes)).map { String(decoding: $0, as: UTF8.self) }
    }
    if let tokenizer { result["tokenizer"] = tokenizer.text }
    result["data"] = data
    result["seed"] = seed.map(String.init)
    result["micro_batch"] = microBatch.map(String.init)
    if let vocabulary {
      result["vocabulary"] = vocabulary.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        .joined()
    }
    return result
  }
}
