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
  /// A vector put together of what each rank has of it, `values` in the order of its ranges
  /// `shard`: at rank 0; nil elsewhere. Collective.
  borrowing func gatherVector(_ values: [Float], of shard: OwnedRanges) throws(MPIError) -> [Float]?
  {
    let borders = shard.ranges.flatMap { [Int64($0.lowerBound), Int64($0.upperBound)] }
    let (allBorders, allValues) = (try gather(borders.span), try gather(values.span))
    guard let allBorders, let allValues else { return nil }
    var whole = [Float](repeating: 0, count: allValues.reduce(0) { $0 + $1.count })
    for (borders, values) in zip(allBorders, allValues) {
      var place = 0
      for index in stride(from: 0, to: borders.count, by: 2) {
        let range = Int(borders[index])..<Int(borders[index + 1])
        whole.replaceSubrange(range, with: values[place..<place + range.count])
        place += range.count
      }
    }
    return whole
  }
}

extension WeightAverage {
  /// The mean of all weights, gathered from each rank's `shard`: at rank 0; nil elsewhere, and
  /// before the first step that was applied. Collective.
  func gather(_ shard: OwnedRanges, on world: borrowing Communicator) throws(MPIError) -> [Float]? {
    guard hasStarted else { return nil }
    return try world.gatherVector(shard.ranges.flatMap { elements(in: $0) }, of: shard)
  }
}

extension Optimizer {
  /// Every moment as a whole flat vector, gathered from each rank's `shard`: at rank 0; nil
  /// elsewhere. Collective.
  borrowing func gatherMoments(_ shard: OwnedRanges, on world: borrowing Communicator)
    throws(MPIError) -> [[Float]]?
  {
    var moments: [[Float]] = []
    for index in rule.momentNames.indices {
      // Where every rank keeps all of it, its own shard is still what each gives.
      let mine = elements(ofMoment: index, in: shard)
      if let whole = try world.gatherVector(mine, of: shard) { moments.append(whole) }
    }
    return world.rank == 0 ? moments : nil
  }

  /// Takes the part of a moment that this rank keeps.
  mutating func setMoment(_ index: Int, from whole: borrowing FlatVector) {
    let ranges = owned.stored
    var mine = mutableMoment(index)
    for (range, start) in ranges {
      for offset in 0..<range.count { mine[start + offset] = whole.base[range.lowerBound + offset] }
    }
  }
}
