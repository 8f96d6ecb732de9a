/// What all ranks tell one another in a step, as one record that one small allreduce combines.
///
/// Before the reduction it holds this rank's contributions; after it, every rank holds the same totals, and every decision is a function
/// of them. Sums are exact (``ExactSum``, 216 bytes each): a ledger has the same bits whatever algorithm MPI chooses. With 8 sums and 2 for each
/// tensor it is 4.4 KB for a three-layer network.
///
/// Notation: rank i of N has bᵢ of the B samples and the mean local gradient gᵢ; wᵢ = bᵢ/B and g = Σ wᵢ gᵢ. Per tensor k,
/// Tₖ = ‖gₖ‖² is summed from disjoint pieces of g, and Lₖ = Σ wᵢ‖gᵢₖ‖² from whole local gradients. T ≤ L always, with equality only if
/// all ranks have the same gradient.
public struct NormLedger: Sendable, Equatable {
  /// A quantity that adds up over the ranks.
  public enum Sum: Int, CaseIterable, Sendable {
    /// bᵢ
    case samples
    /// 1 for a rank with samples: N₊
    case contributors
    /// The sum of the samples' losses
    case loss
    /// 1 for a rank whose loss or gradient is not finite
    case nonFinite
    /// 1 for a rank that was asked, by a signal, to stop or to write a checkpoint
    case stopRequests, checkpointRequests
    /// ‖Δw‖² and ‖w‖² of the slice that this rank owned in the step before
    case squaredUpdate, squaredWeights
  }

  /// A quantity whose largest value counts, with the rank that holds it (the lowest such rank).
  public enum Peak: Int, CaseIterable, Sendable {
    /// ‖gᵢ‖
    case localNorm
    /// 1 + the index of the first tensor that is not finite on this rank; 0 if all are. One past the last tensor means the loss.
    case nonFiniteTensor
  }

  public let tensorCount: Int
  /// As it travels: the number of words that add up, those words (``ExactSum``), and for each peak its value's bits and its rank.
  public private(set) var record: [Int64]

  private static let header = 1
  private var sumCount: Int { Sum.allCases.count + 2 * tensorCount }
  private var firstPeak: Int { Self.header + sumCount * ExactSum.wordCount }

  public init(tensorCount: Int) {
    self.tensorCount = tensorCount
    let words = (Sum.allCases.count + 2 * tensorCount) * ExactSum.wordCount
    record = [Int64](repeating: 0, count: Self.header + words + 2 * Peak.allCases.count)
    record[0] = Int64(words)
  }

  /// The same ledger with another record, as a reduction returns it.
  public func with(record: [Int64]) -> NormLedger {
    precondition(record.count == self.record.count && record[0] == self.record[0], "a record of another layout")
    var ledger = self
    ledger.record = record
    return ledger
  }

  public subscript(sum: Sum) -> Double {
    get { value(sum.rawValue) }
    set { set(sum.rawValue, newValue) }
  }

  /// Tₖ: squares of the mean gradient's elements of one tensor, as far as this rank owns them before the reduction.
  public subscript(globalSquares tensor: Int) -> Double {
    get { value(Sum.allCases.count + tensor) }
    set { set(Sum.allCases.count + tensor, newValue) }
  }

  /// bᵢ‖gᵢₖ‖² of this rank before the reduction, B·Lₖ after.
  public subscript(weightedLocalSquares tensor: Int) -> Double {
    get { value(Sum.allCases.count + tensorCount + tensor) }
    set { set(Sum.allCases.count + tensorCount + tensor, newValue) }
  }

  /// Adds a term to a sum, without rounding.
  public mutating func add(_ term: Double, to sum: Sum) { add(term, at: sum.rawValue) }
  public mutating func add(_ term: Double, toGlobalSquares tensor: Int) { add(term, at: Sum.allCases.count + tensor) }
  public mutating func add(_ term: Double, toWeightedLocalSquares tensor: Int) { add(term, at: Sum.allCases.count + tensorCount + tensor) }

  public subscript(peak: Peak) -> (value: Double, rank: Int) {
    get {
      let at = firstPeak + 2 * peak.rawValue
      return (Double(bitPattern: UInt64(bitPattern: record[at])), Int(record[at + 1]))
    }
    set {
      let at = firstPeak + 2 * peak.rawValue
      record[at] = Int64(bitPattern: newValue.value.bitPattern)
      record[at + 1] = Int64(newValue.rank)
    }
  }

  /// Combines one record into another: sums add, the larger peak wins, the lower rank where peaks are equal.
  ///
  /// Both operations commute and associate to the bit, so neither MPI's algorithm nor the number of ranks shows in a total.
  public static func combine(_ other: UnsafePointer<Int64>, into record: UnsafeMutablePointer<Int64>, length: Int) {
    let peaks = header + Int(record[0])
    for index in header..<peaks { record[index] &+= other[index] }
    for index in stride(from: peaks, to: length, by: 2) {
      let mine = Double(bitPattern: UInt64(bitPattern: record[index]))
      let theirs = Double(bitPattern: UInt64(bitPattern: other[index]))
      if theirs > mine || (theirs == mine && other[index + 1] < record[index + 1]) {
        record[index] = other[index]
        record[index + 1] = other[index + 1]
      }
    }
  }

  private func value(_ index: Int) -> Double {
    record.withUnsafeBufferPointer { ExactSum.value(of: $0.baseAddress! + Self.header + index * ExactSum.wordCount) }
  }

  private mutating func add(_ term: Double, at index: Int) {
    record.withUnsafeMutableBufferPointer { ExactSum.add(term, to: $0.baseAddress! + Self.header + index * ExactSum.wordCount) }
  }

  private mutating func set(_ index: Int, _ value: Double) {
    let start = Self.header + index * ExactSum.wordCount
    for word in start..<start + ExactSum.wordCount { record[word] = 0 }
    add(value, at: index)
  }
}

extension NormLedger {
  /// Enters one rank's part of a step.
  ///
  /// - `samples`: bᵢ, of `total` B in the whole step.
  /// - `weightedSquares`: ‖wᵢ gᵢₖ‖² by tensor: squares of the gradient as it is summed, the local mean times wᵢ = bᵢ/B.
  public mutating func contribute(samples: Int, of total: Int, loss: Double, weightedSquares: [Double], rank: Int) {
    self[.samples] = Double(samples)
    self[.loss] = loss
    self[.localNorm] = (0, rank)
    self[.nonFiniteTensor] = (0, rank)
    guard samples > 0 else { return }
    self[.contributors] = 1
    let weight = Double(samples) / Double(total)
    for tensor in 0..<tensorCount { self[weightedLocalSquares: tensor] = Double(samples) * weightedSquares[tensor] / (weight * weight) }
    let bad = weightedSquares.firstIndex { !$0.isFinite } ?? (loss.isFinite ? nil : tensorCount)
    if let bad {
      self[.nonFinite] = 1
      self[.nonFiniteTensor] = (Double(bad + 1), rank)
    } else {
      self[.localNorm] = (weightedSquares.reduce(0, +).squareRoot() / weight, rank)
    }
  }
}
