import CVectorKernels

/// The memory of a recurrent network's steps, one step of `rows` sequences after the other. Step t
/// makes state t + 1 from state t.
struct RecurrentSteps {
  let cell: GatedCell
  let rows: Int
  let hidden: Int
  let length: Int
  private let base: UnsafeMutablePointer<Float>

  /// How many values the memory holds.
  static func count(_ cell: GatedCell, rows: Int, hidden: Int, length: Int) -> Int {
    let state = (length + 1) * rows * hidden
    let sums = length * rows * hidden * cell.gates
    return state + sums + (cell == .lstm ? state + length * rows * hidden + rows * hidden : 0)
  }

  init(
    _ cell: GatedCell, rows: Int, hidden: Int, length: Int,
    in memory: UnsafeMutablePointer<Float>
  ) {
    (self.cell, self.rows, self.hidden, self.length, base) = (cell, rows, hidden, length, memory)
  }

  private var step: Int { rows * hidden }

  /// h before step `time`, rows × hidden; the states of all steps follow one another.
  func state(_ time: Int) -> UnsafeMutablePointer<Float> { base + time * step }
  /// Step `time`'s products h·Uᵀ, rows × gates·hidden, then its gates, in the end ∂loss/∂ its sums.
  func sums(_ time: Int) -> UnsafeMutablePointer<Float> {
    base + (length + 1 + time * cell.gates) * step
  }
  /// c before step `time`.
  func memory(_ time: Int) -> UnsafeMutablePointer<Float> { sums(length) + time * step }
  private func squashed(_ time: Int) -> UnsafeMutablePointer<Float> { memory(length + 1 + time) }
  /// ∂loss/∂c on its way back.
  private var memoryGradient: UnsafeMutablePointer<Float> { squashed(length) }

  /// Sets the first states: to zero, or of one sequence to what ``end(_:)`` has left.
  func start(_ carried: UnsafePointer<Float>?) {
    if let carried {
      state(0).update(from: carried, count: hidden)
      if cell == .lstm { memory(0).update(from: carried + hidden, count: hidden) }
      return
    }
    state(0).update(repeating: 0, count: step)
    if cell == .lstm { memory(0).update(repeating: 0, count: step) }
  }

  /// Writes one sequence's last state: h, then the cell's c.
  func end(_ carried: UnsafeMutablePointer<Float>) {
    carried.update(from: state(length), count: hidden)
    if cell == .lstm { (carried + hidden).update(from: memory(length), count: hidden) }
  }

  /// Step `time`, whose products are there; `table` has a row of sums for each token.
  func forward(
    _ time: Int, table: UnsafePointer<Float>, tokens: UnsafePointer<Int32>,
    on threads: ComputeThreads
  ) {
    let (sums, state, tokens) = (sums(time), state(time + 1), tokens + time * rows)
    threads.split(rows, atLeast: leastRows) { part in
      let first = part.lowerBound
      let (sums, at) = (sums + first * cell.gates * hidden, first * hidden)
      switch cell {
      case .gru: fatalError("a GRU's sums are no sum of two")
      case .elman: cvk_elman(state + at, sums, table, tokens + first, part.count, hidden)
      case .lstm:
        cvk_lstm(
          sums, table, tokens + first, memory(time) + at, memory(time + 1) + at,
          squashed(time) + at, state + at, part.count, hidden)
      }
    }
  }

  /// A row's value takes about as long as 16 simple ones.
  private var leastRows: Int { ComputeThreads.leastRows(of: 16 * hidden) }

  /// Leaves ∂loss/∂ step `time`'s sums in their place; `dh` is ∂loss/∂ its state. Called from the
  /// last step to the first.
  func backward(_ time: Int, dh: UnsafePointer<Float>, on threads: ComputeThreads) {
    if cell == .lstm && time == length - 1 { memoryGradient.update(repeating: 0, count: step) }
    let sums = sums(time)
    threads.split(rows, atLeast: leastRows) { part in
      let at = part.lowerBound * hidden
      let sums = sums + cell.gates * at
      switch cell {
      case .gru: fatalError("a GRU's sums are no sum of two")
      case .elman: cvk_elman_backward(sums, dh + at, state(time + 1) + at, part.count, hidden)
      case .lstm:
        cvk_lstm_backward(
          sums, memory(time) + at, squashed(time) + at, dh + at, memoryGradient + at, part.count,
          hidden)
      }
    }
  }
}
