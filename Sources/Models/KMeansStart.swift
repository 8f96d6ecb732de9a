import CVectorKernels
import Vectors

/// Samples to start k-means from, by greedy k-means++ (Arthur and Vassilvitskii 2007, with
/// scikit-learn's number of trials).
///
/// The first is any; each further one is drawn with a probability proportional to its squared
/// distance from the nearest chosen one, a few times over, and the draw that leaves the smallest
/// sum of those squares is kept.
struct KMeansStart {
  private(set) var chosen: [Int] = []

  init(_ batch: borrowing Batch, clusters: Int, random: inout RandomStream) {
    let (count, inputs) = (batch.count, batch.shape.inputs)
    let rows = batch.inputs.baseAddress!
    func squares(to sample: Int, atMost nearest: [Double]) -> [Double] {
      (0..<count).map {
        min(nearest[$0], cvk_squared_distance(rows + $0 * inputs, rows + sample * inputs, inputs))
      }
    }
    // 2 + ln(clusters), from the number of binary digits.
    let trials = 2 + (Int.bitWidth - clusters.leadingZeroBitCount - 1) * 7 / 10
    chosen = [Int(random.integer(below: UInt64(count)))]
    var nearest = squares(to: chosen[0], atMost: Array(repeating: .infinity, count: count))
    while chosen.count < clusters {
      let total = nearest.reduce(0, +)
      var best: (sample: Int, squares: [Double], sum: Double)?
      for _ in 0..<trials {
        // Where all samples are chosen, or the sum is no number, any will do.
        var sample = Int(random.integer(below: UInt64(count)))
        let point = random.unit() * total
        if total > 0, total.isFinite {
          var sum = 0.0
          sample =
            nearest.firstIndex { square in
              sum += square
              return sum > point
            } ?? sample
        }
        let squares = squares(to: sample, atMost: nearest)
        let sum = squares.reduce(0, +)
        if best == nil || sum < best!.sum { best = (sample, squares, sum) }
      }
      chosen.append(best!.sample)
      nearest = best!.squares
    }
  }
}
