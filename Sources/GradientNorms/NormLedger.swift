/// What all ranks learn of one another in a step, as one record that one small allreduce combines.
///
/// Before the reduction it holds this rank's contributions; after it, every rank holds the same
/// totals, and every decision is a function of them. Sums are exact (``ExactSum``, 216 bytes each):
/// a total has the same bits whatever algorithm MPI chooses, and however the work was divided. What
/// travels are 48 bytes of each (``LedgerWindows``), in blocks of 256: with 14 sums and 2 for each
/// tensor 1.8 KB for a three-layer network, 15.5 KB for one of 148 tensors.
///
/// Notation: part i of the step's N has bᵢ of the B samples and the mean gradient gᵢ; wᵢ = bᵢ/B and
/// g = Σ wᵢ gᵢ. A part is a rank's share or, where those are measured separately, a micro-batch.
/// Per tensor k, Tₖ = ‖gₖ‖² is summed from disjoint pieces of g, and Lₖ = Σ wᵢ‖gᵢₖ‖² from whole
/// parts. T ≤ L always, with equality only if all parts have the same gradient.
public struct NormLedger: Sendable, Equatable {
  /// A quantity that adds up over the ranks.
  public enum Sum: Int, Sendable {
    /// bᵢ
    case samples
    /// 1 for a part with samples: N₊
    case contributors
    /// The sum of the samples' losses
    case loss
    /// Σ bᵢ‖gᵢ‖ over parts, for the triangle bound
    case weightedLocalNorms
    /// 1 for a rank whose loss or gradient is not finite
    case nonFinite
    /// 1 for a rank that was asked, by a signal, to stop or to write a checkpoint
    case stopRequests, checkpointRequests
    /// ‖Δw‖² and ‖w‖² of the slice that this rank owned in the step before
    case squaredUpdate, squaredWeights
    /// ‖w − w₀‖² of the slice
    case squaredDistance
    /// ‖g‖² of the loss alone, where a penalty on the weights is part of the gradient
    case lossSquares
    /// The regularisation's part of the loss
    case penalty
    /// ‖ḡ‖² of the exact mean gradient and ⟨ḡ, g⟩, where g is a mean of gradients clipped apart
    case exactSquares, exactProduct
    /// Σ‖gᵢ‖² and Σ‖gᵢ‖ of single samples' gradients; only where the layout counts samples
    case sampleSquares, sampleNorms
    /// How many samples' gradients were shortened, and Σ of their squares after that; only where the
    /// layout clips samples
    case clippedSamples, clippedSampleSquares
  }

  /// A quantity that adds up over the ranks, for each tensor.
  public enum TensorSum: Sendable, Hashable {
    /// Tₖ: squares of the mean gradient's elements
    case squares
    /// bᵢ‖gᵢₖ‖² of a part before the reduction, B·Lₖ after
    case weightedLocalSquares
    /// Σ|g|ᵖ of the mean gradient
    case power(NormOrder)
    /// Squares of the mean gradient after an element-wise clip
    case appliedSquares
    /// ‖wₖ‖²
    case weightSquares
  }

  /// A quantity whose largest value counts, with the rank that holds it (the lowest such rank).
  public enum Peak: Int, CaseIterable, Sendable {
    /// ‖gᵢ‖ of a rank's or a micro-batch's mean gradient
    case localNorm
    /// 1 + the index of the first tensor that is not finite on this rank; 0 if all are. One past
    /// the last tensor means the loss.
    case nonFiniteTensor
    /// ‖gᵢ‖² over what its number of samples leads one to expect
    case outlier
  }

  public let layout: LedgerLayout
  /// What values were divided by before their high powers were summed: a power of two, the same on
  /// all ranks.
  public var powerUnit = 1.0
  /// As it travels: the number of words that add up, those words (``ExactSum``), and for each peak
  /// its value's bits and its rank.
  public private(set) var record: [Int64]

  /// The sums of a reduced ledger as Doubles, which many questions are asked of; empty while
  /// contributions are entered.
  private var totals: [Double] = []

  static let header = 1
  /// Words of a peak: its value and its rank.
  static let peakWords = 2
  var firstPeak: Int { Self.header + layout.sumCount * ExactSum.wordCount }

  public init(_ layout: LedgerLayout) {
    self.layout = layout
    let words = layout.sumCount * ExactSum.wordCount
    record = [Int64](
      repeating: 0, count: Self.header + words + Self.peakWords * layout.peakCount)
    record[0] = Int64(words)
  }

  public var tensorCount: Int { layout.tensorCount }

  /// The same ledger with another record, as a reduction returns it.
  public func with(record: [Int64]) -> NormLedger {
    precondition(
      record.count == self.record.count && record[0] == self.record[0], "a record of another layout"
    )
    var ledger = self
    ledger.record = record
    ledger.readTotals()
    return ledger
  }

  /// Lets a reduction over all ranks replace the record by the totals, in place.
  public mutating func reduce<Failure>(_ body: (inout MutableSpan<Int64>) throws(Failure) -> Void)
    throws(Failure)
  {
    var words = record.mutableSpan
    try body(&words)
    readTotals()
  }

  /// Lets `body` change the record.
  mutating func withRecord<Result>(_ body: (UnsafeMutableBufferPointer<Int64>) -> Result) -> Result
  {
    record.withUnsafeMutableBufferPointer { body($0) }
  }

  /// The total of a sum, by its place among the sums.
  func total(_ index: Int) -> Double { value(index) }

  /// Becomes an empty contribution of a rank again, in the memory that it has.
  public mutating func clear(rank: Int) {
    for index in Self.header..<record.count { record[index] = 0 }
    for peak in Peak.allCases { self[peak] = (0, rank) }
    powerUnit = 1
    totals.removeAll(keepingCapacity: true)
  }

  /// Reads the totals of a record that has been reduced; `limbs` are those of a sum that may differ
  /// from zero.
  mutating func readTotals(
    within limbs: (_ sum: Int) -> Range<Int> = { _ in 0..<ExactSum.limbCount }
  ) {
    totals.removeAll(keepingCapacity: true)
    totals.reserveCapacity(layout.sumCount)
    record.withUnsafeBufferPointer { words in
      for sum in 0..<layout.sumCount {
        let start = words.baseAddress! + Self.header + sum * ExactSum.wordCount
        totals.append(ExactSum.value(of: start, within: limbs(sum)))
      }
    }
  }

  public static func == (left: NormLedger, right: NormLedger) -> Bool {
    left.layout == right.layout && left.record == right.record
  }

  public subscript(sum: Sum) -> Double {
    get { value(layout.index(sum)) }
    set { set(layout.index(sum), newValue) }
  }

  public subscript(quantity: TensorSum, tensor: Int) -> Double {
    get { value(layout.index(quantity, tensor)) }
    set { set(layout.index(quantity, tensor), newValue) }
  }

  /// Adds a term to a sum, without rounding.
  public mutating func add(_ term: Double, to sum: Sum) { add(term, at: layout.index(sum)) }
  public mutating func add(_ term: Double, to quantity: TensorSum, of tensor: Int) {
    add(term, at: layout.index(quantity, tensor))
  }

  public subscript(peak: Peak) -> (value: Double, rank: Int) {
    get { peakValue(layout.index(peak)) }
    set { setPeak(layout.index(peak), newValue) }
  }

  /// The largest absolute value of one tensor of the mean gradient.
  public subscript(largestOfTensor tensor: Int) -> Double {
    get { peakValue(layout.indexOfLargest(tensor)).value }
    set { setPeak(layout.indexOfLargest(tensor), (newValue, 0)) }
  }

  /// Raises a peak to a value, if that is larger.
  public mutating func raise(_ peak: Peak, to value: Double, rank: Int) {
    if value > self[peak].value { self[peak] = (value, rank) }
  }

  /// Combines one record into another: sums add, the larger peak wins, the lower rank where peaks
  /// are equal.
  ///
  /// Both operations commute and associate to the bit, so neither MPI's algorithm nor the number of
  /// ranks shows in a total.
  public static func combine(
    _ other: UnsafePointer<Int64>, into record: UnsafeMutablePointer<Int64>, length: Int
  ) {
    let peaks = header + Int(record[0])
    for index in header..<peaks { record[index] &+= other[index] }
    combinePeaks(other, into: record, from: peaks, to: length)
  }

  static func combinePeaks(
    _ other: UnsafePointer<Int64>, into record: UnsafeMutablePointer<Int64>, from first: Int,
    to end: Int
  ) {
    for index in stride(from: first, to: end, by: peakWords) {
      let mine = Double(bitPattern: UInt64(bitPattern: record[index]))
      let theirs = Double(bitPattern: UInt64(bitPattern: other[index]))
      if theirs > mine || (theirs == mine && other[index + 1] < record[index + 1]) {
        record[index] = other[index]
        record[index + 1] = other[index + 1]
      }
    }
  }

  private func value(_ index: Int) -> Double {
    if !totals.isEmpty { return totals[index] }
    return record.withUnsafeBufferPointer {
      ExactSum.value(of: $0.baseAddress! + Self.header + index * ExactSum.wordCount)
    }
  }

  private mutating func add(_ term: Double, at index: Int) {
    if !totals.isEmpty { totals.removeAll(keepingCapacity: true) }
    record.withUnsafeMutableBufferPointer {
      ExactSum.add(term, to: $0.baseAddress! + Self.header + index * ExactSum.wordCount)
    }
  }

  private mutating func set(_ index: Int, _ value: Double) {
    totals.removeAll(keepingCapacity: true)
    let start = Self.header + index * ExactSum.wordCount
    for word in start..<start + ExactSum.wordCount { record[word] = 0 }
    add(value, at: index)
  }

  private func peakValue(_ index: Int) -> (value: Double, rank: Int) {
    let at = firstPeak + Self.peakWords * index
    return (Double(bitPattern: UInt64(bitPattern: record[at])), Int(record[at + 1]))
  }

  private mutating func setPeak(_ index: Int, _ peak: (value: Double, rank: Int)) {
    let at = firstPeak + Self.peakWords * index
    record[at] = Int64(bitPattern: peak.value.bitPattern)
    record[at + 1] = Int64(peak.rank)
  }
}
