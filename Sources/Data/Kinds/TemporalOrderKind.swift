import ExperimentKeys
import Vectors

/// `data.kind = "temporal-order"`: generated sequences whose label depends on what came long
/// before; see ``/Data/TemporalOrder``.
public struct TemporalOrderKind: DataKind {
  public static let kind = "temporal-order"
  public static let summary = "A long-memory task: which symbol came first."
  public let samples: Int
  public let length: Int

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    samples = try keys.integer("samples", default: 10_000, in: 1...Int(Int32.max), "sequences")
    length = try keys.integer("length", default: 100, in: 10...(1 << 20), "symbols of a sequence")
  }

  public func outline() -> SampleShape? {
    SampleShape(tokens: length, labels: length, classes: 6)
  }

  public func open(seed: UInt64, on ranks: borrowing some DataContext & ~Copyable) throws
    -> TrainingData
  {
    let train = TemporalOrder(length: length, samples: samples, seed: seed)
    return TrainingData(train: train, test: train.further(max(1, samples / 4)))
  }
}
