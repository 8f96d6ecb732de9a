import ArgumentParser
import Configuration
import Data
import ExperimentKeys
import Files
import Foundation
import Reports
import Vectors

/// `lockstep sample CHECKPOINT`: what a trained model makes by itself: a text that goes on from a
/// prompt, or pictures.
struct SampleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sample",
    abstract: "Lets a trained model write on from a prompt, or draw pictures.",
    discussion: """
      The same seed gives the same sample. Exit codes: 0 done, 64 bad options, or a model that makes nothing, 65 a file that cannot be read.
      """)

  @Argument(
    help: ArgumentHelp(
      "A run directory, a checkpoint directory, or a weights file.", valueName: "checkpoint"))
  var checkpoint: String

  @Option(
    help: ArgumentHelp(
      "The text to go on from. Default: \"In the beginning\", or one byte that the model's text holds, where that lacks one of these.",
      valueName: "text"))
  var prompt: String?

  @Option(help: ArgumentHelp("Bytes of text to write.", valueName: "count"))
  var length = 500

  @Option(
    help: ArgumentHelp(
      "Above 1 bolder, below 1 safer, 0 always the most likely byte.", valueName: "number"))
  var temperature = 0.8

  @Option(help: ArgumentHelp("Draw among this many most likely bytes.", valueName: "count"))
  var top = 40

  @Option(help: ArgumentHelp("Pictures to draw.", valueName: "count"))
  var pictures = 64

  @Option(help: ArgumentHelp("The PNG file that pictures are drawn to.", valueName: "file"))
  var output = "sample.png"

  @Flag(help: "Replace that file.")
  var force = false

  @Option(help: ArgumentHelp("What is drawn depends on it.", valueName: "number"))
  var seed = 1

  func run() throws {
    guard length >= 0, temperature >= 0, temperature.isFinite, top >= 1, seed >= 0,
      (1...65536).contains(pictures)
    else {
      throw CommandFailure(
        .usage,
        "--length, --temperature and --seed cannot be negative, --top is at least 1, and --pictures from 1 to 65536"
      )
    }
    let trained = try read()
    if let pictures = try PictureSampler(trained, count: pictures, seed: UInt64(seed)) {
      return try draw(pictures)
    }
    guard let vocabulary = trained.vocabulary else {
      let reason =
        trained.holdsCentroids
        ? "centroids of \(trained.samples.inputs) numbers are drawn only where these are an image; lockstep inspect shows them"
        : "this model makes nothing by itself; train a rnn, lstm or gpt on a text, or a vae or kmeans on images"
      throw CommandFailure(.usage, "\(trained.path): \(reason)")
    }
    try write(trained, vocabulary)
  }

  private func draw(_ sampler: PictureSampler) throws {
    if !force && FileManager.default.fileExists(atPath: output) {
      throw CommandFailure(
        .usage, "\(output) is there already: --force replaces it, --output FILE draws elsewhere")
    }
    do { try Foundation.Data(sampler.picture.png()).write(to: URL(filePath: output)) } catch {
      throw CommandFailure(.usage, "\(output) cannot be written: give --output a file that can be")
    }
    Terminal.output.write("\(sampler.what): \(output)\n")
  }

  private func write(_ trained: TrainedModel, _ vocabulary: Vocabulary) throws {
    let prompt = self.prompt.map { Array($0.utf8) } ?? vocabulary.prompt
    let tokens = try prompt.map { byte in
      guard let token = vocabulary.token(of: byte) else {
        let place = String(decoding: prompt.prefix { $0 != byte }, as: UTF8.self)
        throw CommandFailure(
          .usage,
          "--prompt: the text that this model was trained on has no byte 0x\(String(byte, radix: 16)), found after \"\(PlainText.sanitized(place))\""
        )
      }
      return token
    }
    guard !tokens.isEmpty else {
      throw CommandFailure(.usage, "--prompt: give at least one character to go on from")
    }
    guard
      var sampler = TextSampler(
        trained, prompt: tokens, temperature: temperature, top: top, seed: UInt64(seed))
    else { throw CommandFailure(.usage, "\(trained.path): this model is none of texts") }
    Terminal.output.write(prompt)
    for _ in 0..<length { Terminal.output.write([sampler.next()]) }
    Terminal.output.write("\n")
  }

  private func read() throws -> TrainedModel {
    do {
      return try TrainedModel(path: checkpoint)
    } catch let error as FileError {
      throw CommandFailure(.data, PlainText.sanitized(error.description))
    } catch let error as ExperimentError {
      throw CommandFailure(.data, PlainText.sanitized(error.description))
    }
  }
}

extension Vocabulary {
  /// What to go on from where nothing is given: the beginning of the default text, where all its
  /// bytes are known, else an end of line, a space, or the first byte there is.
  fileprivate var prompt: [UInt8] {
    let beginning = Array("In the beginning".utf8)
    if beginning.allSatisfy({ token(of: $0) != nil }) { return beginning }
    return [UInt8(ascii: "\n"), UInt8(ascii: " ")].first { token(of: $0) != nil }.map { [$0] }
      ?? Array(bytes.prefix(1))
  }
}
