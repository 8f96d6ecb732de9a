import GradientNorms
import MPI

/// Adds the ranks' ledgers into one, in a single small allreduce.
public struct LedgerReduction: ~Copyable {
  private let reduction: RecordReduction

  public init(_ layout: LedgerLayout) throws(MPIError) {
    let length = NormLedger(layout).record.count
    reduction = try RecordReduction(length: length) { other, record, count, datatype in
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
  }

  /// Replaces this rank's contributions by the totals over all ranks of `world`. One MPI call,
  /// `8·record.count` bytes.
  public borrowing func reduce(_ ledger: inout NormLedger, on world: borrowing Communicator)
    throws(MPIError)
  {
    try ledger.reduce { (record) throws(MPIError) in try world.allReduce(record: &record, reduction)
    }
  }
}
