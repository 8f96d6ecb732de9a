import CVectorKernels

/// Rows of one text summed by their tokens: the gradient of the rows of a table that it reads.
final class TokenSums {
  /// Which row a token has; -1 for one that the text has not. Between texts all are -1.
  private var rowOfToken: [Int32] = []
  /// The tokens that the last text has, by row.
  private(set) var tokens: [Int] = []
  private let sums = Workspace()

  /// A row for each distinct token of the text.
  var base: UnsafeMutablePointer<Float> { sums.base }

  /// Sums `count` rows of `columns` values, `stride` apart, by the tokens that they belong to, and
  /// returns how many distinct ones there are.
  func sum(
    _ rows: UnsafePointer<Float>, stride: Int, _ textTokens: UnsafePointer<Int32>, count: Int,
    columns: Int, vocabulary: Int
  ) -> Int {
    if rowOfToken.count < vocabulary {
      rowOfToken = [Int32](repeating: -1, count: vocabulary)
    }
    sums.reserve(min(count, vocabulary) * columns)
    tokens.removeAll(keepingCapacity: true)
    for index in 0..<count {
      let token = Int(textTokens[index])
      let row = rows + index * stride
      if rowOfToken[token] < 0 {
        rowOfToken[token] = Int32(tokens.count)
        (sums.base + tokens.count * columns).update(from: row, count: columns)
        tokens.append(token)
      } else {
        cvk_add(sums.base + Int(rowOfToken[token]) * columns, row, columns)
      }
    }
    for token in tokens { rowOfToken[token] = -1 }
    return tokens.count
  }
}

/// What a head leaves of each sample's gradient for the embedding whose table it shares.
///
/// The sample's gradient of the table is E + H, of embedding and head, and ‖E + H‖² = ‖E‖² + ‖H‖² +
/// 2⟨E, H⟩. E has rows for the sample's tokens alone, so that as many of H's are needed for the last
/// term: for each token of each sample one row.
final class TiedRows {
  private let rows = Workspace()
  private let columns = Workspace()

  /// Leaves H's rows of each sample's tokens, from ∂loss/∂ the logits and the head's inputs.
  func leave(
    _ d: SampleRows, _ x: SampleRows, tokens: UnsafePointer<Int32>, by compute: ComputeContext
  ) {
    let count = d.rows
    rows.reserve(d.samples * count * x.columns)
    columns.reserve(count * count)
    for sample in 0..<d.samples {
      let tokens = tokens + sample * count
      for row in 0..<count {
        let from = d[sample] + row * d.stride
        for token in 0..<count {
          columns.base[row * count + token] = from[Int(tokens[token])]
        }
      }
      compute.multiply(
        Matrix(columns.base, rows: count, columns: count).transposed, x.matrix(sample),
        into: rows.base + sample * count * x.columns)
    }
  }

  /// ⟨E, H⟩ of a sample, from ∂loss/∂ the rows that the embedding made of it.
  func product(_ d: SampleRows, _ sample: Int) -> Double {
    let count = d.rows * d.columns
    return cvk_dot(d[sample], rows.base + sample * count, count)
  }
}
