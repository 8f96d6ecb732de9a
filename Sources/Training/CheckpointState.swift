import FoundationEssentials
import TensorFiles

/// What a checkpoint holds besides tensors: `state.json`.
package struct CheckpointState: Codable, Equatable {
  var version = 1
  /// Steps done.
  var step: Int
  /// What the order of samples depends on; a resumed run must have the same.
  var seed: Int
  var order: String
  var globalBatch: Int
  package var sampleCount: Int
  /// What the moments belong to.
  var optimizer: String
  /// The optimiser's own step count, which skipped steps do not advance.
  var optimizerSteps: Int
  var ranks: Int
  var memory: Trainer.Memory
  var history: RunHistory
  var modelSHA256: String
  var optimizerSHA256: String

  enum CodingKeys: String, CodingKey {
    case version, step, seed, order, ranks, history, optimizer, memory
    case globalBatch = "global_batch"
    case sampleCount = "sample_count"
    case optimizerSteps = "optimizer_steps"
    case modelSHA256 = "model_sha256"
    case optimizerSHA256 = "optimizer_sha256"
  }
}

// The file's first member, `sha256`, is the digest of the file without it: a changed byte is seen wherever it is.
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
    Array((Self.opening + Self.seal(SHA256.digest(of: json.span.bytes))).utf8) + json.dropFirst(Self.opening.utf8.count)
  }

  /// Reads back what ``text()`` wrote; nil for anything else, by a single bit.
  package init?(text: [UInt8]) {
    let (opening, sealLength) = (Array(Self.opening.utf8), Self.seal(String(repeating: "0", count: 64)).utf8.count)
    guard text.starts(with: opening), text.count > opening.count + sealLength else { return nil }
    let rest = opening + text[(opening.count + sealLength)...]
    let seal = text[opening.count..<opening.count + sealLength]
    guard seal.elementsEqual(Self.seal(SHA256.digest(of: rest.span.bytes)).utf8) else { return nil }
    guard let state = try? JSONDecoder().decode(CheckpointState.self, from: Data(rest)), state.version == 1 else { return nil }
    self = state
  }
}
