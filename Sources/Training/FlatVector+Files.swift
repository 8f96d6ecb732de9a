import Coordination
import Files
import MPI
import Models
import Optimizers
import TensorFiles
import Vectors

extension FlatVector {
  /// Writes all tensors under their names, with what describes their model, and returns the file's SHA-256. Under its final name in a run directory it
  /// takes that directory's `lock`.
  @discardableResult
  borrowing func write(to path: String, describing model: ModelDescription, holding lock: RunLock? = nil) throws -> String {
    var writer = try SafeTensorsWriter(path: path, tensors: layout.segments.map { ($0.name, $0.shape) }, metadata: model.metadata)
    for segment in layout.segments { try writer.append(elements.extracting(segment.range)) }
    return try writer.finish(holding: lock)
  }

  /// SHA-256 of all elements, by which ranks are compared.
  public borrowing func digest() -> String { SHA256.digest(of: elements.bytes) }
}

extension TensorLayout {
  /// Reads all tensors of a file, under names made from the layout's, as one flat vector's elements. The file must hold exactly the shapes.
  func read(_ file: SafeTensors, name: (String) -> String) throws(FileError) -> [Float] {
    let path = file.path
    var elements = [Float](repeating: 0, count: elementCount)
    for segment in segments {
      let name = name(segment.name)
      let terms = recurrentBiases(name, in: file) ?? [name]
      guard let shape = file.shape(of: terms[0]) else {
        throw FileError(path, "has no tensor \(name)", remedy: "it holds \(file.names.prefix(8).joined(separator: ", "))")
      }
      guard shape == segment.shape, terms.allSatisfy({ file.shape(of: $0) == shape }) else {
        throw FileError(path, "tensor \(name) has the shape \(shape); the model's is \(segment.shape)")
      }
      elements.replaceSubrange(segment.range, with: try file.floats(named: terms[0]))
      for term in terms.dropFirst() {
        for (offset, value) in try file.floats(named: term).enumerated() { elements[segment.range.lowerBound + offset] += value }
      }
    }
    return elements
  }
}

/// PyTorch's recurrent layers have two biases, which only ever act as their sum: where a file has those, or the first of them, they are what
/// the one bias here is the sum of.
private func recurrentBiases(_ name: String, in file: SafeTensors) -> [String]? {
  guard name.hasSuffix("bias_l0"), file.shape(of: name) == nil else { return nil }
  let names = ["ih", "hh"].map { name.dropLast("l0".count) + "\($0)_l0" }.filter { file.shape(of: $0) != nil }
  return names.isEmpty ? nil : names
}

extension Optimizer {
  /// Every moment as a whole flat vector, gathered from each rank's `slice`, whatever the order of the slices: at rank 0; nil elsewhere. Collective.
  borrowing func gatherMoments(slice: Range<Int>, on world: borrowing Communicator) throws(MPIError) -> [[Float]]? {
    let start = [Int64(slice.lowerBound)]
    // Of slices that start together all but the last are empty.
    let order = try world.gather(start.span).map { starts in starts.indices.sorted { (starts[$0][0], $0) < (starts[$1][0], $1) } }
    var moments: [[Float]] = []
    for index in rule.momentNames.indices {
      // Where every rank keeps all of it, its own slice is still what each gives.
      let mine = moment(index).extracting(slice.lowerBound - owned.lowerBound..<slice.upperBound - owned.lowerBound)
      if let slices = try world.gather(mine), let order { moments.append(order.flatMap { slices[$0] }) }
    }
    return world.rank == 0 ? moments : nil
  }

  /// Takes the part of a moment that this rank keeps.
  mutating func setMoment(_ index: Int, from whole: borrowing FlatVector) {
    let start = owned.lowerBound
    var mine = mutableMoment(index)
    for offset in mine.indices { mine[offset] = whole.base[start + offset] }
  }
}
