import Configuration
import GradientReduction
import Files
import MPI
import Models
import Optimizers
import TensorFiles
import Vectors

extension FlatVector {
  /// Writes all tensors under their names, those of running statistics after them, with what
  /// describes their model, and returns the file's SHA-256. Under its final name in a run directory it takes that directory's `lock`. `notes` go
  /// into the file's metadata.
  @discardableResult
  borrowing func write(
    to path: String, with statistics: RunningStatistics?, describing model: ModelDescription?,
    notes: [String: String] = [:],
    holding lock: RunLock? = nil
  ) throws -> String {
    var writer = try SafeTensorsWriter(
      path: path,
      tensors: (layout.segments + (statistics?.layout.segments ?? [])).map { ($0.name, $0.shape) },
      metadata: notes.merging(model?.metadata ?? [:]) { $1 })
    try append(to: &writer)
    if let statistics { try statistics.values.append(to: &writer) }
    return try writer.finish(holding: lock)
  }

  private borrowing func append(to writer: inout SafeTensorsWriter) throws {
    for segment in layout.segments { try writer.append(elements.extracting(segment.range)) }
  }

  /// SHA-256 of all elements, by which ranks are compared.
  public borrowing func digest() -> String { SHA256.digest(of: elements.bytes) }
}

extension Communicator {
  /// The ranks in the order of their slices of a vector: at rank 0; nil elsewhere. Collective.
  borrowing func gatherOrder(of slice: Range<Int>) throws(MPIError) -> [Int]? {
    let start = [Int64(slice.lowerBound)]
    // Of slices that start together all but the last are empty.
    return try gather(start.span).map { starts in
      starts.indices.sorted { (starts[$0][0], $0) < (starts[$1][0], $1) }
    }
  }
}

extension WeightAverage {
  /// The mean of all weights, gathered from each rank's `slice`: at rank 0; nil elsewhere, and
  /// before the first step that was applied. Collective.
  func gather(slice: Range<Int>, on world: borrowing Communicator) throws(MPIError) -> [Float]? {
    guard hasStarted else { return nil }
    let order = try world.gatherOrder(of: slice)
    let slices = try world.gather(elements(in: slice).span)
    guard let slices, let order else { return nil }
    return order.flatMap { slices[$0] }
  }
}

extension Optimizer {
  /// Every moment as a whole flat vector, gathered from each rank's `slice`, whatever the order of
  /// the slices: at rank 0; nil elsewhere. Collective.
  borrowing func gatherMoments(slice: Range<Int>, on world: borrowing Communicator) throws(MPIError)
    -> [[Float]]?
  {
    let order = try world.gatherOrder(of: slice)
    var moments: [[Float]] = []
    for index in rule.momentNames.indices {
      // Where every rank keeps all of it, its own slice is still what each gives.
      let mine = moment(index).extracting(
        slice.lowerBound - owned.lowerBound..<slice.upperBound - owned.lowerBound)
      if let slices = try world.gather(mine), let order {
        moments.append(order.flatMap { slices[$0] })
      }
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
