import Configuration
import GradientReduction
import Data
import MPI
import Models
import TensorFiles
import Training
import Vectors

/// Starts an LSTM from a file as PyTorch writes it: its two biases are summed. Arguments: a text,
/// and a directory for the file.
let startProgram = RankProgram("start") { world, arguments in
  let path = arguments[1] + "/pytorch.safetensors"
  let chosen = try experiment(
    "[model]\nkind = \"lstm\"\nembedding = 3\nhidden = 2\n[data]\nkind = \"text\"\npath = \"\(arguments[0])\"\n[training]\nsteps = 1"
  )
  let trainer = try Trainer(
    chosen, data: try TrainingData(chosen.data, seed: 1, on: world), on: world)
  let cases: [(biases: [(String, Float)], sum: Float)] = [
    ([("rnn.bias_ih_l0", 0.5), ("rnn.bias_hh_l0", 0.125)], 0.625),
    ([("rnn.bias_ih_l0", 0.75)], 0.75),
    ([("rnn.bias_l0", 2), ("rnn.bias_hh_l0", 1)], 2),
  ]
  for (biases, sum) in cases {
    if world.rank == 0 { try write(trainer.model.layout, biases: biases, to: path) }
    try world.barrier()
    try trainer.start(from: path, on: world)
    let bias = trainer.weights["rnn.bias_l0"]!
    try expect(bias == [Float](repeating: sum, count: 8), "\(biases) give \(bias)")
    try expect(trainer.weights["rnn.weight_hh_l0"]!.allSatisfy { $0 == 0.25 }, "the other tensors")
  }
}

/// Every tensor but the bias full of 0.25, and these biases.
private func write(_ layout: TensorLayout, biases: [(String, Float)], to path: String) throws {
  var tensors = layout.segments.filter { $0.name != "rnn.bias_l0" }.map {
    ($0.name, $0.shape, Float(0.25))
  }
  tensors += biases.map { ($0.0, [8], $0.1) }
  var writer = try SafeTensorsWriter(path: path, tensors: tensors.map { ($0.0, $0.1) })
  for (_, shape, value) in tensors {
    try writer.append([Float](repeating: value, count: shape.reduce(1, *)).span)
  }
  _ = try writer.finish()
}
