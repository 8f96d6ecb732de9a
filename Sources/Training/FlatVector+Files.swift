import MPI
import TensorFiles
import Vectors

extension FlatVector {
  /// Writes all tensors under their names and returns the file's SHA-256.
  @discardableResult
  borrowing func write(to path: String) throws(TensorFileError) -> String {
    var writer = try SafeTensorsWriter(path: path, tensors: layout.segments.map { ($0.name, $0.shape) })
    for segment in layout.segments { try writer.append(elements.extracting(segment.range)) }
    return try writer.finish()
  }

  /// Takes over what rank 0 read, on every rank. Collective.
  mutating func broadcast(from values: [Float]?, on world: borrowing Communicator) throws(MPIError) {
    if let values { values.withUnsafeBufferPointer { set(0..<count, to: $0) } }
    var span = mutableElements
    try world.broadcast(&span)
  }
}

extension TensorLayout {
  /// Reads all tensors of a file, under names made from the layout's, as one flat vector's elements. The file must hold exactly the shapes.
  func read(_ path: String, name: (String) -> String) throws(TensorFileError) -> [Float] {
    let file = try SafeTensors(path: path)
    var elements = [Float](repeating: 0, count: elementCount)
    for segment in segments {
      let name = name(segment.name)
      guard let shape = file.shape(of: name) else {
        throw TensorFileError(path, "has no tensor \(name)", remedy: "it holds \(file.names.prefix(8).joined(separator: ", "))")
      }
      guard shape == segment.shape else { throw TensorFileError(path, "tensor \(name) has the shape \(shape); the model's is \(segment.shape)") }
      elements.replaceSubrange(segment.range, with: try file.floats(named: name))
    }
    return elements
  }
}

extension Trainer {
  /// Every moment of the optimiser as a whole flat vector, gathered from the slices: at rank 0; nil elsewhere. Collective.
  func gatherMoments(on world: borrowing Communicator) throws(MPIError) -> [[Float]]? {
    var moments: [[Float]] = []
    for index in optimizer.rule.momentNames.indices {
      // Where every rank holds all of it, its own slice is still what each gives.
      let (owned, held) = (exchange.owned, optimizer.owned)
      let mine = optimizer.moment(index).extracting(owned.lowerBound - held.lowerBound..<owned.upperBound - held.lowerBound)
      if let slices = try world.gather(mine) { moments.append(slices.flatMap { $0 }) }
    }
    return world.rank == 0 ? moments : nil
  }

  /// Takes the part of a moment that this rank keeps.
  func setMoment(_ index: Int, from whole: borrowing FlatVector) {
    let held = optimizer.owned
    var mine = optimizer.mutableMoment(index)
    for position in held { mine[position - held.lowerBound] = whole.elements[position] }
  }
}
