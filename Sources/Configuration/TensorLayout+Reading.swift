import Files
import TensorFiles
import Vectors

extension TensorLayout {
  /// Reads all tensors of a file, under names made from the layout's, as one flat vector's
  /// elements. The file must hold exactly the shapes.
  package func read(_ file: SafeTensors, name: (String) -> String) throws(FileError) -> [Float] {
    let path = file.path
    var elements = [Float](repeating: 0, count: elementCount)
    for segment in segments {
      let name = name(segment.name)
      let terms = recurrentBiases(name, in: file) ?? [name]
      guard let shape = file.shape(of: terms[0]) else {
        throw FileError(
          path, "has no tensor \(name)",
          remedy: "it holds \(file.names.prefix(8).joined(separator: ", "))")
      }
      guard shape == segment.shape, terms.allSatisfy({ file.shape(of: $0) == shape }) else {
        throw FileError(
          path, "tensor \(name) has the shape \(shape); the model's is \(segment.shape)")
      }
      elements.replaceSubrange(segment.range, with: try file.floats(named: terms[0]))
      for term in terms.dropFirst() {
        for (offset, value) in try file.floats(named: term).enumerated() {
          elements[segment.range.lowerBound + offset] += value
        }
      }
    }
    return elements
  }
}

/// PyTorch's recurrent layers have two biases, which only ever act as their sum: where a file has
/// those, or the first of them, they are what the one bias here is the sum of.
private func recurrentBiases(_ name: String, in file: SafeTensors) -> [String]? {
  guard name.hasSuffix("bias_l0"), file.shape(of: name) == nil else { return nil }
  let names = ["ih", "hh"].map { name.dropLast("l0".count) + "\($0)_l0" }.filter {
    file.shape(of: $0) != nil
  }
  return names.isEmpty ? nil : names
}
