import Configuration
import FoundationEssentials
import GradientNorms
import TensorFiles

/// What a checkpoint holds besides tensors: `state.json`.
package struct CheckpointState: Codable, Equatable {
  var version = Self.currentVersion
  /// Steps done.
  var step: Int
  /// What the order of samples depends on; a resumed run must have the same.
  var seed: Int
  var order: String
  var globalBatch: Int
  package var sampleCount: Int
  var ranks: Int
  var trainer: TrainerState
  var history: RunHistory
  var modelSHA256: String
  var optimizerSHA256: String
  /// The resolved experiment that led here, and how its training data are known again; nil in
  /// checkpoints of older versions.
  var experiment: String?
  var data: DataSignature?
  /// What the reducer remembered, where it does.
  var reducer: ReducerFile?
  /// The digest of `average.safetensors`, where there is a running mean of the weights.
  var averageSHA256: String?

  /// The kind of reducer that `reducer.safetensors` belongs to, and the file's digest.
  struct ReducerFile: Codable, Equatable {
    var kind: String
    var sha256: String
  }

  /// 1: one memory for all kinds of rules, which did not say whose it was; no experiment.
  static let currentVersion = 2

  enum CodingKeys: String, CodingKey {
    case version, step, seed, order, ranks, history, trainer, experiment, data, reducer
    case globalBatch = "global_batch"
    case sampleCount = "sample_count"
    case modelSHA256 = "model_sha256"
    case optimizerSHA256 = "optimizer_sha256"
    case averageSHA256 = "average_sha256"
  }
}

// The file's first member, `sha256`, is the digest of the file without it: a changed byte is seen
// wherever it is.
extension CheckpointState {
  private static let opening = "{\n"
  private static func seal(_ digest: String) -> String { "  \"sha256\" : \"\(digest)\",\n" }

  /// The file's text.
  func text() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return String(decoding: Self.sealed(Array(try encoder.encode(self))), as: UTF8.self)
  }

  /// JSON that begins as ``text()`` does, with its digest in it.
  package static func sealed(_ json: [UInt8]) -> [UInt8] {
    Array((Self.opening + Self.seal(SHA256.digest(of: json.span.bytes))).utf8)
      + json.dropFirst(Self.opening.utf8.count)
  }

  /// Reads back what ``text()`` wrote, of this version or an older one; nil for anything else, by a
  /// single bit.
  ///
  /// `older` gives the experiment of a checkpoint of version 1, which does not say what its states
  /// belong to.
  package init?(text: [UInt8], older: () -> Experiment? = { nil }) {
    let (opening, sealLength) = (
      Array(Self.opening.utf8), Self.seal(String(repeating: "0", count: 64)).utf8.count
    )
    guard text.starts(with: opening), text.count > opening.count + sealLength else { return nil }
    let rest = opening + text[(opening.count + sealLength)...]
    let seal = text[opening.count..<opening.count + sealLength]
    guard seal.elementsEqual(Self.seal(SHA256.digest(of: rest.span.bytes)).utf8) else { return nil }
    let data = Data(rest)
    struct Version: Decodable { var version: Int }
    switch (try? JSONDecoder().decode(Version.self, from: data))?.version {
    case 1:
      guard let state = try? JSONDecoder().decode(CheckpointState1.self, from: data) else {
        return nil
      }
      self = state.current(older())
    case Self.currentVersion:
      guard let state = try? JSONDecoder().decode(CheckpointState.self, from: data) else {
        return nil
      }
      self = state
    default: return nil
    }
  }
}

/// Version 1 of `state.json`.
struct CheckpointState1: Codable {
  var step: Int
  var seed: Int
  var order: String
  var globalBatch: Int
  var sampleCount: Int
  var optimizer: String
  var optimizerSteps: Int
  var ranks: Int
  var memory: Trainer.Memory
  var history: RunHistory
  var modelSHA256: String
  var optimizerSHA256: String

  enum CodingKeys: String, CodingKey {
    case step, seed, order, ranks, history, optimizer, memory
    case globalBatch = "global_batch"
    case sampleCount = "sample_count"
    case optimizerSteps = "optimizer_steps"
    case modelSHA256 = "model_sha256"
    case optimizerSHA256 = "optimizer_sha256"
  }

  func current(_ experiment: Experiment?) -> CheckpointState {
    var tags = experiment.map { TrainerState.Tags(TrainerSettings($0)) } ?? .unknown
    tags.optimizer.kind = optimizer
    return CheckpointState(
      step: step, seed: seed, order: order, globalBatch: globalBatch, sampleCount: sampleCount,
      ranks: ranks,
      trainer: TrainerState(memory, tags, optimizerSteps: optimizerSteps), history: history,
      modelSHA256: modelSHA256,
      optimizerSHA256: optimizerSHA256)
  }
}
