import GradientNorms
import MPI

/// Combines what the ranks know of their samples' norms.
public struct SampleReduction: ~Copyable {
  private let reduction: RecordReduction

  public init() throws(MPIError) {
    reduction = try RecordReduction(length: SampleNorms.length, combine: combineSamples)
  }

  /// Replaces this rank's samples by those of all ranks of `world`. Collective: one MPI call of
  /// `8·SampleNorms.length` bytes.
  public borrowing func reduce(_ norms: inout SampleNorms, on world: borrowing Communicator)
    throws(MPIError)
  {
    try norms.reduce { (record) throws(MPIError) in
      try world.allReduce(record: &record, reduction)
    }
  }
}

/// `MPI_User_function` of ``SampleNorms/combine(_:into:)``.
private let combineSamples: RecordReduction.Combine = { other, record, count, _ in
  guard let other, let record, let count else { return }
  for index in 0..<Int(count.pointee) {
    SampleNorms.combine(
      other.assumingMemoryBound(to: Int64.self) + index * SampleNorms.length,
      into: record.assumingMemoryBound(to: Int64.self) + index * SampleNorms.length)
  }
}
