import ArgumentParser
import CommandOptions
import Recording
import Reports

/// `lockstep predict WEIGHTS --input FILE --output FILE`: what a trained model says of rows.
struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Applies trained weights to rows of a file: a prediction a row.",
    discussion: """
      A CSV of classes has the columns class, by name, and p_NAME, the probability of each (score_NAME where the loss gives no probabilities); of values
      the targets' names. A .npy file has the same numbers without the class, whose columns are in the order of the classes.
      Columns of the input are found by name, in any order. The column that is predicted may be there and is not read. A missing, unknown or renamed column
      is an error. The rows of a file are read and written a block at a time, so that it can have any length.
      Exit codes: 0 done, 64 bad options, or an input whose columns do not suit the model, 65 a file that cannot be read, 70 the output cannot be written.

      Examples:
        lockstep predict runs/wine --input new.csv --output predicted.csv
        lockstep predict runs/fashion-cnn --input images.npy --output classes.npy
      """)

  @OptionGroup var options: PredictOptions
  @OptionGroup var program: WorkerOption

  func run() throws {
    if let mistake = options.mistake { throw CommandFailure(.usage, mistake) }
    try program.worker().become(["--predict"] + options.arguments)
  }
}
