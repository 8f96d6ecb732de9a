import GradientNorms
import MPI

/// Adds the ranks' ledgers into one, in a single small allreduce.
public struct LedgerReduction: ~Copyable {
  private let whole: RecordReduction
  private let compact: RecordReduction
  private var windows: LedgerWindows
  /// How many steps' ledgers did not fit into what travels, so that whole ones were sent.
  public private(set) var overflows = 0

  public init(_ layout: LedgerLayout) throws(MPIError) {
    let windows = LedgerWindows(layout)
    let whole = try RecordReduction(
      length: NormLedger(layout).record.count, combine: combineLedgers)
    let compact = try RecordReduction(length: LedgerBlocks.length, combine: combineBlocks)
    self.init(windows, whole: whole, compact: compact)
  }

  private init(
    _ windows: LedgerWindows, whole: consuming RecordReduction, compact: consuming RecordReduction
  ) {
    self.windows = windows
    self.whole = whole
    self.compact = compact
  }

  /// Bytes of a step's ledger, as it travels.
  public var stepBytes: Int { windows.bytes }

  /// Replaces this rank's contributions to a step by the totals over all ranks of `world`.
  ///
  /// Collective: one MPI call of ``stepBytes`` where the step's sums are of about the size of the
  /// last step's; else a second one, of `8·record.count` bytes. All ranks make the same.
  public mutating func reduceStep(_ ledger: inout NormLedger, on world: borrowing Communicator)
    throws(MPIError)
  {
    let fits = try ledger.reduce(within: &windows) { (record) throws(MPIError) in
      try world.allReduce(record: &record, compact)
    }
    if !fits {
      overflows += 1
      try reduce(&ledger, on: world)
    }
    windows.follow(ledger)
  }

  /// Replaces this rank's contributions by the totals over all ranks of `world`, for a ledger that
  /// is not a step's. Collective: one MPI call, `8·record.count` bytes.
  public borrowing func reduce(_ ledger: inout NormLedger, on world: borrowing Communicator)
    throws(MPIError)
  {
    try ledger.reduce { (record) throws(MPIError) in try world.allReduce(record: &record, whole) }
  }
}

/// `MPI_User_function` of ``NormLedger/combine(_:into:length:)``.
private let combineLedgers: RecordReduction.Combine = { other, record, count, datatype in
  guard let other, let record, let count else { return }
  // The operation knows no length of its own; the datatype's size in bytes gives it.
  let length = recordLength(datatype?.pointee)
  for index in 0..<Int(count.pointee) {
    NormLedger.combine(
      other.assumingMemoryBound(to: Int64.self) + index * length,
      into: record.assumingMemoryBound(to: Int64.self) + index * length,
      length: length)
  }
}

/// `MPI_User_function` of ``LedgerBlocks/combine(_:into:)``.
private let combineBlocks: RecordReduction.Combine = { other, blocks, count, _ in
  guard let other, let blocks, let count else { return }
  for index in 0..<Int(count.pointee) {
    LedgerBlocks.combine(
      other.assumingMemoryBound(to: Int64.self) + index * LedgerBlocks.length,
      into: blocks.assumingMemoryBound(to: Int64.self) + index * LedgerBlocks.length)
  }
}
