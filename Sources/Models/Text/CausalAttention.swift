import CVectorKernels

/// Scaled dot-product attention in which a token sees itself and what is before it (Vaswani et al.
/// 2017), over rows of queries, keys and values side by side.
///
/// No probabilities are kept: the backward pass makes them again from the scores' largest element
/// and the sum of each row, as FlashAttention does (Dao et al. 2022).
struct CausalAttention {
  let heads: Int
  let width: Int
  let threads: ComputeThreads

  private var headWidth: Int { width / heads }
  private var scale: Float { 1 / Float(headWidth).squareRoot() }

  /// How many values the scratch of a pass has for samples of `length` tokens: each thread its own.
  func scratchCount(length: Int) -> Int { threads.count * cvk_attention_scratch(length, headWidth) }

  /// `mixed` is rows × 3·width, queries, keys and values, the heads side by side in each; `y` rows
  /// × width. `statistics` gets what the backward pass needs, 2·heads values a row.
  func forward(
    _ mixed: UnsafePointer<Float>, samples: Int, length: Int,
    statistics: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>,
    into y: UnsafeMutablePointer<Float>
  ) {
    let ofThread = cvk_attention_scratch(length, headWidth)
    threads.run(samples * heads) { index, thread in
      let own = statistics + 2 * index * length
      let (row, column) = (index / heads * length, index % heads * headWidth)
      let q = mixed + row * 3 * width + column
      cvk_attention(
        y + row * width + column, width, own, own + length, q, q + width, q + 2 * width,
        3 * width, length, headWidth, scale, scratch + thread * ofThread)
    }
  }

  /// `d` = ∂loss/∂mixed from `dy` = ∂loss/∂y.
  func backward(
    _ dy: UnsafePointer<Float>, mixed: UnsafePointer<Float>, y: UnsafePointer<Float>, samples: Int,
    length: Int,
    statistics: UnsafePointer<Float>, scratch: UnsafeMutablePointer<Float>,
    into d: UnsafeMutablePointer<Float>, by compute: ComputeContext
  ) {
    let ofThread = cvk_attention_scratch(length, headWidth)
    threads.run(samples * heads) { index, thread in
      let own = statistics + 2 * index * length
      let (row, column) = (index / heads * length, index % heads * headWidth)
      let (q, dq, output) = (
        mixed + row * 3 * width + column, d + row * 3 * width + column, row * width + column
      )
      cvk_attention_backward(
        dq, dq + width, dq + 2 * width, dy + output, y + output, width, own, own + length, q,
        q + width, q + 2 * width, 3 * width, length,
        headWidth, scale, scratch + thread * ofThread)
      if thread == 0 { compute.productDone() }
    }
  }
}
