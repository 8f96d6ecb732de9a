import ExperimentKeys
import Vectors

/// `data.kind = "blobs"`: generated clusters; see ``/Data/Blobs``.
public struct BlobsKind: DataKind {
  public static let kind = "blobs"
  public static let summary = "Generated clusters."
  public let samples: Int
  public let classes: Int
  public let dimensions: Int
  public let spread: Double

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    samples = try keys.integer("samples", default: 4096, in: 1...Int(Int32.max), "points")
    classes = try keys.integer("classes", default: 10, in: 2...(1 << 16), "clusters")
    dimensions = try keys.integer(
      "dimensions", default: 32, in: 1...(1 << 20), "coordinates of a point")
    spread = try keys.number(
      "spread", default: 1, wanted: "a number above 0",
      "standard deviation within a cluster"
    ) { $0 > 0 }
  }

  public func outline() -> SampleShape? {
    SampleShape(inputs: dimensions, labels: 1, classes: classes)
  }

  public func open(seed: UInt64, on ranks: borrowing some DataContext & ~Copyable) throws
    -> TrainingData
  {
    let blobs = Blobs(
      classes: classes, dimensions: dimensions, samples: samples, spread: spread, seed: seed)
    return TrainingData(train: blobs, test: blobs.further(max(1, samples / 4)))
  }
}
