import Glibc

/// A convolutional classifier by its formulas, in Double and one value at a time: the oracle for
/// ``CNN``.
struct ReferenceCNN {
  let planes: Int
  let height: Int
  let width: Int
  let channels: [Int]

  /// The losses' sum; `margin` gets the smallest distance of any value to where the function has a
  /// kink: zero at a ReLU, the second largest of a pool's four.
  func loss(_ weights: [[Double]], _ samples: Samples, margin: inout Double) -> Double {
    var total = 0.0
    for sample in 0..<samples.count {
      var (values, planes, height, width) = (
        samples.inputs[sample], self.planes, self.height, self.width
      )
      for (stage, count) in channels.enumerated() {
        let sums = convolve(
          values, planes, height, width, weights[2 * stage], weights[2 * stage + 1], count)
        (values, planes) = (pool(sums, count, height, width, &margin), count)
        (height, width) = (height / 2, width / 2)
      }
      let last = 2 * channels.count
      let hidden = dense(values, weights[last], weights[last + 1]).map { sum in
        margin = min(margin, abs(sum))
        return max(0, sum)
      }
      let logits = dense(hidden, weights[last + 2], weights[last + 3])
      let largest = logits.max()!
      total +=
        largest + log(logits.reduce(0) { $0 + exp($1 - largest) }) - logits[samples.labels[sample]]
    }
    return total
  }

  private func convolve(
    _ x: [Double], _ planes: Int, _ height: Int, _ width: Int, _ weight: [Double], _ bias: [Double],
    _ count: Int
  ) -> [Double] {
    var result: [Double] = []
    for channel in 0..<count {
      for row in 0..<height {
        for column in 0..<width {
          var sum = bias[channel]
          for plane in 0..<planes {
            for i in 0..<3 where (0..<height).contains(row + i - 1) {
              for j in 0..<3 where (0..<width).contains(column + j - 1) {
                sum +=
                  weight[((channel * planes + plane) * 3 + i) * 3 + j]
                  * x[(plane * height + row + i - 1) * width + column + j - 1]
              }
            }
          }
          result.append(sum)
        }
      }
    }
    return result
  }

  private func pool(
    _ x: [Double], _ planes: Int, _ height: Int, _ width: Int, _ margin: inout Double
  ) -> [Double] {
    var result: [Double] = []
    for plane in 0..<planes {
      for row in 0..<height / 2 {
        for column in 0..<width / 2 {
          let corner = (plane * height + 2 * row) * width + 2 * column
          let four = [x[corner], x[corner + 1], x[corner + width], x[corner + width + 1]].sorted()
          if four[3] > 0 { margin = min(margin, four[3] - four[2]) }
          margin = min(margin, abs(four[3]))
          result.append(max(0, four[3]))
        }
      }
    }
    return result
  }

  private func dense(_ x: [Double], _ weight: [Double], _ bias: [Double]) -> [Double] {
    bias.indices.map { output in
      x.indices.reduce(bias[output]) { $0 + weight[output * x.count + $1] * x[$1] }
    }
  }
}

/// Central differences of a function of tensors, tensor by tensor.
func centralDifferences(_ tensors: [[Double]], step: Double, of function: ([[Double]]) -> Double)
  -> [[Double]]
{
  var tensors = tensors
  return tensors.indices.map { tensor in
    tensors[tensor].indices.map { index in
      let value = tensors[tensor][index]
      tensors[tensor][index] = value + step
      let above = function(tensors)
      tensors[tensor][index] = value - step
      let below = function(tensors)
      tensors[tensor][index] = value
      return (above - below) / (2 * step)
    }
  }
}
