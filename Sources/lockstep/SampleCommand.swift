import ArgumentParser
import CommandOptions
import Recording
import Reports

/// `lockstep sample CHECKPOINT`: what a trained model makes by itself: a text that continues a
/// prompt, or pictures.
struct SampleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sample",
    abstract: "Lets a trained model write on from a prompt, or draw pictures.",
    discussion: """
      The same seed gives the same sample. Exit codes: 0 done, 64 bad options, or a model that makes nothing, 65 a file that cannot be read.
      """)

  @OptionGroup var options: SampleOptions
  @OptionGroup var program: WorkerOption

  func run() throws {
    if let mistake = options.mistake { throw CommandFailure(.usage, mistake) }
    try program.worker().become(["--sample"] + options.arguments)
  }
}
