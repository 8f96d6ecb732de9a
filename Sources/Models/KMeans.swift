import CVectorKernels
import ExperimentKeys
import Vectors

/// Mini-batch k-means as gradient descent (Bottou and Bengio 1995; Sculley 2010): a sample's loss
/// is ½‖x − c‖² with c the nearest centroid.
///
/// The tensor is `centroids [clusters, inputs]`. A batch of B samples, n of them nearest to a
/// centroid, moves that by rate·n/B of the way to their mean (plain SGD). So a rate equal to the
/// number of clusters makes a step of Lloyd's where clusters are of equal size, and above 2B/n a
/// centroid overshoots and runs away: rates from 1 to the number of clusters, falling to zero so
/// that the batches average out.
///
/// It is no composition of layers: its gradient goes to the nearest centroid alone, and its start is
/// drawn from samples.
public final class KMeans: DataDependentInitialization {
  public let layout: TensorLayout
  public let compute = ComputeContext()
  public let clusters: Int
  public let inputs: Int
  /// How often a start is drawn. Of several, each is taken to the end of Lloyd's algorithm on the
  /// starting samples and the best is kept; a single one is left as it was drawn.
  public let starts: Int
  private let products = Workspace()
  private let squares: UnsafeMutableBufferPointer<Double>

  public init(clusters: Int, inputs: Int, starts: Int = 1) {
    precondition(
      clusters > 0 && inputs > 0 && starts > 0,
      "k-means needs at least one cluster, one input and one start")
    var layout = TensorLayout()
    layout.add("centroids", shape: [clusters, inputs], role: .head)
    self.layout = layout
    self.clusters = clusters
    self.inputs = inputs
    self.starts = starts
    squares = .allocate(capacity: clusters)
  }

  deinit { squares.deallocate() }

  public var obstacleToSamples: String? {
    "a sample's gradient of k-means is as long as its distance from its centroid, which its loss says"
  }

  /// Without samples: centroids from N(0, 1).
  public func initialize(_ weights: inout FlatVector, seed: UInt64) {
    weights.fillNormally(0, deviation: 1, seed: seed)
  }

  /// Enough that every cluster is seen, few enough to be gone through once a cluster.
  public var startingSamples: Int { max(4096, 64 * clusters) }

  /// Says so where the samples hold fewer different points than there are clusters.
  public func startingNote(_ samples: borrowing Batch) -> String? {
    var distinct: Set<[Float]> = []
    for sample in 0..<samples.count where distinct.count < clusters {
      distinct.insert(
        Array(
          UnsafeBufferPointer(start: samples.inputs.baseAddress! + sample * inputs, count: inputs)))
    }
    guard distinct.count < clusters else { return nil }
    let points = distinct.count == 1 ? "1 point" : "\(distinct.count) different points"
    return
      "model.clusters is \(clusters), but the \(samples.count) samples that centroids start from are only \(points): the others are copies of "
      + "these, and no sample will be nearest to them; ask for at most \(distinct.count)"
  }

  public func initialize(_ weights: inout FlatVector, seed: UInt64, samples: borrowing Batch) {
    guard samples.count > 0 else { return initialize(&weights, seed: seed) }
    var random = RandomStream(seed, 0)
    var best = FlatVector(zeros: layout)
    var least = Double.infinity
    for start in 0..<starts {
      for (cluster, sample) in KMeansStart(samples, clusters: clusters, random: &random).chosen
        .enumerated()
      {
        (weights.pointer(0) + cluster * inputs).update(
          from: samples.inputs.baseAddress! + sample * inputs, count: inputs)
      }
      guard starts > 1 else { return }
      let sum = settle(&weights, on: samples)
      if start == 0 || sum < least {
        least = sum
        best.copy(from: weights)
      }
    }
    weights.copy(from: best)
  }

  /// Lloyd's algorithm: every centroid to the mean of the samples nearest to it, until that gains
  /// less than a millionth. Returns the losses' sum.
  private func settle(_ weights: inout FlatVector, on samples: borrowing Batch) -> Double {
    var last = Double.infinity
    while true {
      var sums = [Double](repeating: 0, count: clusters * inputs)
      var counts = [Int](repeating: 0, count: clusters)
      var sum = 0.0
      multiplyAll(samples, weights)
      for sample in 0..<samples.count {
        let x = UnsafePointer(samples.inputs.baseAddress! + sample * inputs)
        let (cluster, square) = nearest(sample, x, weights)
        sum += square / 2
        counts[cluster] += 1
        for index in 0..<inputs { sums[cluster * inputs + index] += Double(x[index]) }
      }
      guard sum < last * (1 - 1e-6) else { return sum }
      last = sum
      for cluster in 0..<clusters where counts[cluster] > 0 {
        for index in 0..<inputs {
          weights.pointer(0)[cluster * inputs + index] = Float(
            sums[cluster * inputs + index] / Double(counts[cluster]))
        }
      }
    }
  }

  public func lossAndGradient(
    _ batch: borrowing Batch, weights: borrowing FlatVector, into gradient: inout FlatVector,
    scale: Float, accumulate: Bool,
    finished: (Int, inout FlatVector) -> Void
  ) -> Double {
    precondition(
      gradient.count == layout.elementCount,
      "the gradient has \(gradient.count) elements, not \(layout.elementCount)")
    guard batch.count > 0 else {
      return gradientOfNothing(into: &gradient, accumulate: accumulate, finished: finished)
    }
    multiplyAll(batch, weights)
    if !accumulate { gradient.setToZero(in: layout.segments[0].range) }
    var lossSum = 0.0
    for sample in 0..<batch.count {
      let x = UnsafePointer(batch.inputs.baseAddress! + sample * inputs)
      let (cluster, square) = nearest(sample, x, weights)
      lossSum += square / 2
      cvk_add_difference(
        gradient.pointer(0) + cluster * inputs, weights.pointer(0) + cluster * inputs, x, scale,
        inputs)
    }
    finished(0, &gradient)
    return lossSum
  }

  public func evaluate(_ batch: borrowing Batch, weights: borrowing FlatVector) -> Evaluation {
    guard batch.count > 0 else { return Evaluation() }
    multiplyAll(batch, weights)
    var result = Evaluation(count: batch.count)
    for sample in 0..<batch.count {
      result.lossSum +=
        nearest(sample, batch.inputs.baseAddress! + sample * inputs, weights).square / 2
    }
    return result
  }

  /// All samples' products with all centroids, and the centroids' squares.
  private func multiplyAll(_ batch: borrowing Batch, _ weights: borrowing FlatVector) {
    precondition(
      batch.shape.inputs == inputs,
      "samples of \(batch.shape.inputs) values cannot go into a model of \(inputs) inputs")
    precondition(
      weights.count == layout.elementCount,
      "the weights have \(weights.count) elements, not \(layout.elementCount)")
    products.reserve(batch.capacity * clusters)
    let centroids = Matrix(weights.pointer(0), rows: clusters, columns: inputs)
    compute.multiply(
      Matrix(batch.inputs.baseAddress!, rows: batch.count, columns: inputs), centroids.transposed,
      into: products.base)
    for cluster in 0..<clusters {
      squares[cluster] = cvk_sum_of_squares(weights.pointer(0) + cluster * inputs, inputs)
    }
  }

  /// The centroid nearest to a sample, the first of equals, and its squared distance in Double.
  ///
  /// ‖c‖² − 2x·c ranks them but for the product's rounding, at most inputs·2⁻²⁴·‖x‖·‖c‖; every
  /// centroid within that of the best is measured. A distance that is not finite comes first, so
  /// that it shows.
  private func nearest(_ sample: Int, _ x: UnsafePointer<Float>, _ weights: borrowing FlatVector)
    -> (cluster: Int, square: Double)
  {
    let products = self.products.base + sample * clusters
    let slack = 2 * Double(inputs + 2) * 0x1p-24 * cvk_sum_of_squares(x, inputs).squareRoot()
    var limit = Double.infinity
    for cluster in 0..<clusters {
      limit = min(
        limit,
        squares[cluster] - 2 * Double(products[cluster]) + slack * squares[cluster].squareRoot())
    }
    var best = (cluster: 0, square: Double.infinity)
    for cluster in 0..<clusters {
      if squares[cluster] - 2 * Double(products[cluster]) - slack * squares[cluster].squareRoot()
        > limit
      {
        continue
      }
      let square = cvk_squared_distance(x, weights.pointer(0) + cluster * inputs, inputs)
      guard square.isFinite else { return (cluster, square) }
      if square < best.square { best = (cluster, square) }
    }
    return best
  }
}

/// `model.kind = "kmeans"`: needs numbers alone; labels and targets are not looked at.
public struct KMeansKind: ModelKind {
  public static let kind = "kmeans"
  public static let summary = "Gradient descent on the quantisation error from k-means++."
  public let clusters: Int
  public let starts: Int

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    clusters = try keys.integer(
      "clusters", default: 10, in: 1...(1 << 16),
      "centres; a note says so where the data have fewer different points")
    starts = try keys.integer(
      "starts", default: 1, in: 1...1000,
      "starts of k-means++, of which the best is trained")
  }

  public func model(for samples: SampleShape, seed: UInt64) throws(ExperimentError) -> any Model {
    guard samples.inputs > 0 else { throw mismatch("numbers") }
    return KMeans(clusters: clusters, inputs: samples.inputs, starts: starts)
  }
}
