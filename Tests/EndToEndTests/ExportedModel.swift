import Foundation
import TensorFiles
import Testing

/// A weights file read by itself, without any code that wrote it: its tensors, and its metadata as
/// JSON. It computes fully connected layers with ReLU in Double, the oracle of predictions.
struct ExportedModel {
  let tensors: [String: (shape: [Int], values: [Double])]
  let metadata: [String: String]

  init(_ path: String) throws {
    let file = try SafeTensors(path: path)
    metadata = file.metadata
    var tensors: [String: (shape: [Int], values: [Double])] = [:]
    for tensor in file.tensors {
      tensors[tensor.name] = (tensor.shape, try file.floats(named: tensor.name).map(Double.init))
    }
    self.tensors = tensors
  }

  /// What the metadata say of the columns.
  func table() throws -> [String: Any] {
    let text = try #require(metadata["table"])
    return try #require(
      try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  /// A row's inputs, from its cells by column name.
  func inputs(of row: [String: String]) throws -> [Double] {
    var result: [Double] = []
    for input in try #require(try table()["inputs"] as? [[String: Any]]) {
      let column = try #require(input["column"] as? [String: Any])
      let name = try #require(column["name"] as? String)
      let cell = try #require(row[name])
      let means = try #require(input["means"] as? [Double])
      let scale = try #require(input["scale"] as? Double)
      let offset = try #require(input["offset"] as? Double)
      if let categories = input["categories"] as? [String] {
        result += cell.isEmpty ? means : categories.map { $0 == cell ? 1 : 0 }
      } else {
        result.append(((cell.isEmpty ? means[0] : try #require(Double(cell))) - offset) / scale)
      }
    }
    return result
  }

  /// The outputs of `layers.0`, `layers.1`, … for some inputs.
  func outputs(of inputs: [Double]) throws -> [Double] {
    var values = inputs
    var layer = 0
    while let weight = tensors["layers.\(layer).weight"] {
      let bias = try #require(tensors["layers.\(layer).bias"]).values
      let width = weight.shape[1]
      try #require(values.count == width)
      var next: [Double] = []
      for output in 0..<weight.shape[0] {
        var sum = bias[output]
        for index in 0..<width { sum += weight.values[output * width + index] * values[index] }
        next.append(sum)
      }
      layer += 1
      let isLast = tensors["layers.\(layer).weight"] == nil
      values = isLast ? next : next.map { max(0, $0) }
    }
    try #require(layer > 0)
    return values
  }

  static func softmax(_ outputs: [Double]) -> [Double] {
    let largest = outputs.max()!
    let powers = outputs.map { exp($0 - largest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }
}

/// A .npy file of Float32 that the program wrote: its shape and numbers.
func readNpy(_ bytes: [UInt8]) throws -> (shape: [Int], values: [Float]) {
  try #require(bytes.starts(with: [0x93] + Array("NUMPY".utf8) + [1, 0]))
  let length = Int(bytes[8]) + Int(bytes[9]) << 8
  try #require((10 + length) % 64 == 0)
  let header = String(decoding: bytes[10..<10 + length], as: UTF8.self)
  try #require(header.contains("'descr': '<f4', 'fortran_order': False"))
  let inner = try #require(header.split(separator: "(").last?.split(separator: ")").first)
  let shape = inner.split(separator: ",").compactMap {
    Int($0.trimmingCharacters(in: .whitespaces))
  }
  let values = bytes[(10 + length)...].withUnsafeBytes { raw in
    (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
  }
  try #require(values.count == shape.reduce(1, *))
  return (shape, values)
}

/// The bytes of a .npy file.
func npyBytes(_ type: String, _ shape: [Int], _ data: [UInt8]) -> [UInt8] {
  let sizes = shape.map { "\($0), " }.joined()
  let text = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(sizes)), }\n"
  return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(text.utf8.count), 0] + Array(text.utf8) + data
}
