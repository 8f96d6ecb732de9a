import CVectorKernels

/// Scaled dot-product attention in which a token sees itself and what is before it (Vaswani et al. 2017), over rows of queries, keys and values
/// side by side.
///
/// It works a tile of queries of one head at a time, against the keys that these can see. No probabilities are kept: the backward pass
/// makes a tile's again from the scores' largest element and the sum of each row, as FlashAttention does (Dao et al. 2022).
struct CausalAttention {
  let heads: Int
  let width: Int

  private static let tile = 64

  private var headWidth: Int { width / heads }
  private var scale: Float { 1 / Float(headWidth).squareRoot() }

  /// How many values ``Statistics`` has for `rows` tokens.
  func statisticsCount(rows: Int) -> Int { 2 * heads * rows }
  /// How many values the scratch of a pass has for samples of `length` tokens.
  static func scratchCount(length: Int) -> Int { (2 * length + 1) * min(tile, length) }

  /// Queries `queries` of one head, and the keys 0 ..< queries.upperBound that they see.
  private struct Tile {
    let queries: Range<Int>
    var keys: Int { queries.upperBound }
  }

  /// A sample's tiles, one behind the other.
  private func tiles(_ length: Int) -> Range<Int> { 0..<(length + Self.tile - 1) / Self.tile }
  private func tile(_ index: Int, of length: Int) -> Tile { Tile(queries: index * Self.tile..<min((index + 1) * Self.tile, length)) }

  /// `mixed` is rows × 3·width, queries, keys and values, the heads side by side in each; `y` rows × width. `statistics` gets what the backward
  /// pass needs.
  func forward(
    _ mixed: UnsafePointer<Float>, samples: Int, length: Int, statistics: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>,
    into y: UnsafeMutablePointer<Float>
  ) {
    for sample in 0..<samples {
      for head in 0..<heads {
        let own = statistics + 2 * (sample * heads + head) * length
        let base = sample * length
        for index in tiles(length) {
          let tile = tile(index, of: length)
          let (first, count) = (tile.queries.lowerBound, tile.queries.count)
          scores(tile, part(mixed, base, head), into: scratch)
          cvk_causal_softmax(scratch, own + first, own + length + first, first, count, tile.keys)
          multiply(
            Matrix(scratch, rows: count, columns: tile.keys), keys(part(mixed + 2 * width, base, head), tile.keys),
            into: y + (base + first) * width + head * headWidth, stride: width)
        }
      }
    }
  }

  /// `d` = ∂loss/∂mixed from `dy` = ∂loss/∂y.
  func backward(
    _ dy: UnsafePointer<Float>, mixed: UnsafePointer<Float>, y: UnsafePointer<Float>, samples: Int, length: Int,
    statistics: UnsafePointer<Float>, scratch: UnsafeMutablePointer<Float>, into d: UnsafeMutablePointer<Float>
  ) {
    let side = min(Self.tile, length)
    let (probabilities, dScores, means) = (scratch, scratch + side * length, scratch + 2 * side * length)
    for sample in 0..<samples {
      for head in 0..<heads {
        let own = statistics + 2 * (sample * heads + head) * length
        let base = sample * length
        let (q, k, v) = (part(mixed, base, head), part(mixed + width, base, head), part(mixed + 2 * width, base, head))
        let (dq, dk, dv) = (part(d, base, head), part(d + width, base, head), part(d + 2 * width, base, head))
        // From the last tile, which sees all keys and so writes each key's gradient first; the others add to it.
        for index in tiles(length).reversed() {
          let tile = tile(index, of: length)
          let (first, count) = (tile.queries.lowerBound, tile.queries.count)
          let (offset, rowOffset) = ((base + first) * width + head * headWidth, first * 3 * width)
          let isLast = tile.keys == length
          let dOutput = Matrix(dy + offset, rows: count, columns: headWidth, stride: width)
          scores(tile, q, into: probabilities)
          multiply(dOutput, keys(v, tile.keys).transposed, into: dScores)
          // Σ p·∂loss/∂p over the keys is the product of output and gradient.
          cvk_row_products(means, dy + offset, width, y + offset, width, count, headWidth)
          cvk_causal_softmax_backward(probabilities, dScores, own + first, own + length + first, means, first, count, tile.keys)
          multiply(
            Matrix(probabilities, rows: count, columns: tile.keys).transposed, dOutput, into: dv, stride: 3 * width, accumulate: !isLast)
          let tileScores = Matrix(dScores, rows: count, columns: tile.keys)
          multiply(tileScores, keys(k, tile.keys), scale: scale, into: dq + rowOffset, stride: 3 * width)
          multiply(
            tileScores.transposed, Matrix(q + rowOffset, rows: count, columns: headWidth, stride: 3 * width), scale: scale, into: dk,
            stride: 3 * width, accumulate: !isLast)
        }
      }
    }
  }

  /// The tile's scores, from where its head's queries start; the keys lie `width` behind the queries.
  private func scores(_ tile: Tile, _ q: UnsafePointer<Float>, into scores: UnsafeMutablePointer<Float>) {
    multiply(
      Matrix(q + tile.queries.lowerBound * 3 * width, rows: tile.queries.count, columns: headWidth, stride: 3 * width),
      keys(q + width, tile.keys).transposed, scale: scale, into: scores)
  }

  /// The first `count` rows of a head's keys or values.
  private func keys(_ start: UnsafePointer<Float>, _ count: Int) -> Matrix {
    Matrix(start, rows: count, columns: headWidth, stride: 3 * width)
  }

  private func part(_ mixed: UnsafePointer<Float>, _ row: Int, _ head: Int) -> UnsafePointer<Float> {
    mixed + row * 3 * width + head * headWidth
  }

  private func part(_ mixed: UnsafeMutablePointer<Float>, _ row: Int, _ head: Int) -> UnsafeMutablePointer<Float> {
    mixed + row * 3 * width + head * headWidth
  }
}
