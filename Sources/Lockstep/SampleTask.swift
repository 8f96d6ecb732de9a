import ArgumentParser
import CommandOptions
import Configuration
import Data
import ExperimentKeys
import Files
import FoundationEssentials
import Glibc
import Models
import Recording
import Reports

/// `WORKER --sample CHECKPOINT …`: what a trained model makes by itself: a text that continues a
/// prompt, or pictures. `lockstep sample` becomes this process, since only the worker knows all
/// kinds of model.
enum SampleTask {
  static func run(_ arguments: [String], _ registry: Registry) -> Never {
    endProcess(afterTaskWith: arguments) { (options: SampleOptions) in
      if let mistake = options.mistake { throw TaskFailure(.usage, mistake) }
      setComputeThreads(options.threads.numberOfOneProcess)
      try sample(options, try TrainedModel.read(options.checkpoint, registry))
    }
  }

  private static func sample(_ options: SampleOptions, _ trained: TrainedModel) throws {
    let seed = UInt64(options.seed)
    if let pictures = try PictureSampler(trained, count: options.pictures, seed: seed) {
      return try draw(pictures, to: options.output, replacing: options.force)
    }
    guard trained.isOfTexts else {
      let reason =
        trained.holdsCentroids
        ? "centroids of \(trained.samples.inputs) numbers are drawn only where these are an image; lockstep inspect shows them"
        : "this model makes nothing by itself; train a rnn, lstm or gpt on a text, or a vae or kmeans on images"
      throw TaskFailure(.usage, "\(trained.path): \(reason)")
    }
    let prompt = options.prompt.map { Array($0.utf8) } ?? trained.prompt
    guard
      var sampler = TextSampler(
        trained, prompt: try tokens(of: prompt, trained), temperature: options.temperature,
        top: options.top, seed: seed)
    else { throw TaskFailure(.usage, "\(trained.path): this model is none of texts") }
    writeAll(prompt)
    for _ in 0..<options.length { writeAll(sampler.next()) }
    writeAll([UInt8(ascii: "\n")])
  }

  private static func draw(_ sampler: PictureSampler, to output: String, replacing: Bool) throws {
    if !replacing && access(output, F_OK) == 0 {
      throw TaskFailure(
        .usage, "\(output) is there already: --force replaces it, --output FILE draws elsewhere")
    }
    do {
      try FoundationEssentials.Data(sampler.picture.png()).write(to: URL(filePath: output))
    } catch {
      throw TaskFailure(.usage, "\(output) cannot be written: give --output a file that can be")
    }
    writeAll(Array("\(sampler.what): \(output)\n".utf8))
  }

  private static func tokens(of prompt: [UInt8], _ trained: TrainedModel) throws -> [Int32] {
    guard !prompt.isEmpty else {
      throw TaskFailure(.usage, "--prompt: give at least one character to go on from")
    }
    do throws(TokenizerEncoder.Failure) {
      return try trained.tokens(of: prompt)
    } catch {
      let place = String(decoding: prompt[..<error.offset], as: UTF8.self)
      throw TaskFailure(
        .usage, "--prompt: \(error.what), found after \"\(PlainText.sanitized(place))\"")
    }
  }
}

extension TrainedModel {
  /// The tokens of a text.
  /// - Throws: where it has a byte that no text was trained on, or that is no token.
  fileprivate func tokens(of text: [UInt8]) throws(TokenizerEncoder.Failure) -> [Int32] {
    if let tokenizer {
      var encoder = TokenizerEncoder(tokenizer)
      return try encoder.encode(text)
    }
    var tokens: [Int32] = []
    for (offset, byte) in text.enumerated() {
      guard let token = vocabulary?.token(of: byte) else {
        let digits = String(byte, radix: 16)
        throw TokenizerEncoder.Failure(
          offset: offset,
          what: "the text that this model was trained on has no byte 0x\(digits)")
      }
      tokens.append(token)
    }
    return tokens
  }

  /// What to go on from where nothing is given: the beginning of the default text, where all of it
  /// is known, else an end of line, a space, or the first token there is.
  fileprivate var prompt: [UInt8] {
    ["In the beginning", "\n", " "].map { Array($0.utf8) }.first {
      (try? tokens(of: $0)) != nil
    } ?? bytes(ofToken: 0)
  }
}
