import Recording

/// The MPI that a worker is built with: the line of JSON that it prints for `--mpi`.
public struct WorkerMPI: Sendable, Equatable, Decodable, JSONWritable {
  /// Such as `Open MPI 4.1.4`.
  public var mpi: String
  /// The library's file; nil where that is not known.
  public var library: String?

  public init(mpi: String, library: String?) { (self.mpi, self.library) = (mpi, library) }

  public func write(to json: inout JSONText) {
    json.object {
      $0.field("mpi", mpi)
      $0.field("library", library)
    }
  }
}
