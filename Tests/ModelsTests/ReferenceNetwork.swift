import Glibc
import Models
import Vectors

/// A multilayer perceptron by its formulas, in Double and one value at a time: the oracle for the
/// model's own code.
struct ReferenceNetwork {
  let widths: [Int]
  let activation: Activation
  let loss: any Loss

  /// The loss summed over all samples; `smallest` gets the smallest absolute value that reached an
  /// activation.
  func loss(_ weights: [[Double]], _ samples: Samples, smallest: inout Double) -> Double {
    var total = 0.0
    for sample in 0..<samples.count {
      var values = samples.inputs[sample]
      for layer in 0..<widths.count - 1 {
        let (weight, bias) = (weights[2 * layer], weights[2 * layer + 1])
        var next: [Double] = []
        for output in 0..<widths[layer + 1] {
          var sum = bias[output]
          for input in 0..<widths[layer] {
            sum += weight[output * widths[layer] + input] * values[input]
          }
          if layer < widths.count - 2 {
            smallest = min(smallest, abs(sum))
            sum = apply(sum)
          }
          next.append(sum)
        }
        values = next
      }
      total += measure(
        values, label: samples.labels[sample],
        targets: samples.targets.isEmpty ? nil : samples.targets[sample])
    }
    return total
  }

  private func apply(_ z: Double) -> Double {
    switch activation {
    case .relu: max(0, z)
    case .tanh: Glibc.tanh(z)
    case .sigmoid: 1 / (1 + exp(-z))
    }
  }

  private func measure(_ y: [Double], label: Int, targets: [Double]?) -> Double {
    if let loss = loss as? CrossEntropy {
      let largest = y.max()!
      let logarithm = largest + log(y.reduce(0) { $0 + exp($1 - largest) })
      let shared = loss.labelSmoothing / Double(y.count)
      return y.indices.reduce(0) { sum, index in
        let target = shared + (index == label ? 1 - loss.labelSmoothing : 0)
        return sum - target * (y[index] - logarithm)
      }
    }
    let t = targets ?? y.indices.map { $0 == label ? 1 : 0 }
    return zip(y, t).reduce(0) { $0 + term($1.0, $1.1) } / Double(y.count)
  }

  /// The loss of one output.
  private func term(_ y: Double, _ t: Double) -> Double {
    let d = abs(y - t)
    switch loss {
    case is SquaredError: return d * d
    case is AbsoluteError: return d
    case let huber as Huber:
      return d < huber.delta ? d * d / 2 : huber.delta * (d - huber.delta / 2)
    case is BinaryCrossEntropy: return -t * log(1 / (1 + exp(-y))) - (1 - t) * log(1 / (1 + exp(y)))
    default: fatalError("no formula for \(loss)")
    }
  }

  /// Central differences, tensor by tensor.
  func gradient(_ weights: [[Double]], _ samples: Samples) -> [[Double]] {
    let step = 1e-5
    var weights = weights
    var ignored = Double.infinity
    return weights.indices.map { tensor in
      weights[tensor].indices.map { index in
        let value = weights[tensor][index]
        weights[tensor][index] = value + step
        let above = loss(weights, samples, smallest: &ignored)
        weights[tensor][index] = value - step
        let below = loss(weights, samples, smallest: &ignored)
        weights[tensor][index] = value
        return (above - below) / (2 * step)
      }
    }
  }
}

/// Samples as Doubles that Float32 holds exactly, so that model and oracle see the same numbers.
struct Samples {
  var inputs: [[Double]]
  var labels: [Int]
  /// Empty for a classification.
  var targets: [[Double]]
  let width: Int
  let targetWidth: Int
  let classes: Int

  var count: Int { inputs.count }

  init(_ count: Int, width: Int, classes: Int, targetWidth: Int = 0, seed: UInt64) {
    var random = RandomStream(seed, 77)
    func value() -> Double { Double(Float(random.uniform(-1..<1))) }
    self.width = width
    self.targetWidth = targetWidth
    self.classes = classes
    inputs = (0..<count).map { _ in (0..<width).map { _ in value() } }
    labels = (0..<count).map { _ in Int(random.integer(below: UInt64(classes))) }
    targets =
      targetWidth == 0 ? [] : (0..<count).map { _ in (0..<targetWidth).map { _ in value() } }
  }

  /// The samples of `range` as a model reads them, with room for `spare` more.
  func batch(_ range: Range<Int>? = nil, spare: Int = 0) -> Batch {
    let range = range ?? 0..<count
    var batch = Batch(
      capacity: range.count + spare,
      shape: SampleShape(inputs: width, labels: 1, targets: targetWidth, classes: classes))
    batch.count = range.count
    for (row, sample) in range.enumerated() {
      batch.samples[row] = UInt32(sample)
      for column in 0..<width { batch.inputs[row * width + column] = Float(inputs[sample][column]) }
      batch.labels[row] = Int32(labels[sample])
      for column in 0..<targetWidth {
        batch.targets[row * targetWidth + column] = Float(targets[sample][column])
      }
    }
    return batch
  }
}

extension FlatVector {
  /// All tensors' elements as Doubles.
  var tensors: [[Double]] { layout.segments.map { self[$0.name]!.map(Double.init) } }

  var bits: [UInt32] { (0..<count).map { base[$0].bitPattern } }
}

/// ‖a − b‖ / ‖b‖
func relativeError(_ a: [Double], _ b: [Double]) -> Double {
  let difference = zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
  return (difference / b.reduce(0) { $0 + $1 * $1 }).squareRoot()
}
