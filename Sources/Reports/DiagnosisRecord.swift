import Recording

/// What `lockstep doctor` measured under mpirun: each rank's place and speed, and how long
/// gradients take to be summed.
public struct DiagnosisRecord: Sendable, Equatable, Decodable {
  public struct Rank: Sendable, Equatable, Decodable {
    public var rank: Int
    public var host: String
    /// The machine's boot identifier, as in ``HostRecord``.
    public var machine: String
    /// The hardware threads that it may run on, as the kernel writes them: `0-3,8`.
    public var processors: String
    /// `OMP_NUM_THREADS` in its environment.
    public var threads: String?
    /// 10⁹ floating-point operations a second in large matrix products, all ranks multiplying at
    /// once.
    public var gemmGflops: Double
    /// How far its host's clock is ahead of rank 0's, and what that is known from; of other hosts'
    /// first ranks alone.
    public var clockOffsetMs: Double?

    public init(
      rank: Int, host: String, machine: String, processors: String, threads: String?,
      gemmGflops: Double, clockOffsetMs: Double?
    ) {
      self.rank = rank
      self.host = host
      self.machine = machine
      self.processors = processors
      self.threads = threads
      self.gemmGflops = gemmGflops
      self.clockOffsetMs = clockOffsetMs
    }

    private enum CodingKeys: String, CodingKey {
      case rank, host, machine, processors, threads
      case gemmGflops = "gemm_gflops"
      case clockOffsetMs = "clock_offset_ms"
    }
  }

  /// An allreduce of so many bytes of Float32.
  public struct Reduction: Sendable, Equatable, Decodable {
    public var bytes: Int
    /// The median over repetitions of the slowest rank's time.
    public var microseconds: Double
    public var repetitions: Int

    public init(bytes: Int, microseconds: Double, repetitions: Int) {
      (self.bytes, self.microseconds, self.repetitions) = (bytes, microseconds, repetitions)
    }

    /// Bytes that a rank must send and receive, at least, over the time: 10⁶ bytes a second of the
    /// link, whatever the number of ranks.
    public func linkMegabytesPerSecond(ranks: Int) -> Double {
      ranks > 1 ? Double(bytes) * 2 * Double(ranks - 1) / Double(ranks) / microseconds : .nan
    }
  }

  public var mpi: String
  public var ranks: [Rank]
  public var reductions: [Reduction]
  /// MPI's settings as the ranks have them; nil where they are not set.
  public var transports: String?
  public var yields: Bool

  public init(
    mpi: String, ranks: [Rank], reductions: [Reduction], transports: String?, yields: Bool
  ) {
    self.mpi = mpi
    self.ranks = ranks
    self.reductions = reductions
    self.transports = transports
    self.yields = yields
  }
}

extension DiagnosisRecord: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("mpi", mpi)
      $0.field("ranks", ranks)
      $0.key("reductions")
      $0.array(reductions) { json, reduction in
        json.object {
          $0.field("bytes", reduction.bytes)
          $0.field("microseconds", reduction.microseconds)
          $0.field("repetitions", reduction.repetitions)
          $0.field("link_mb_per_s", reduction.linkMegabytesPerSecond(ranks: ranks.count))
        }
      }
      $0.field("transports", transports)
      $0.field("yields", yields)
    }
  }
}

extension DiagnosisRecord.Rank: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("rank", rank)
      $0.field("host", host)
      $0.field("machine", machine)
      $0.field("processors", processors)
      $0.field("threads", threads)
      $0.field("gemm_gflops", gemmGflops)
      $0.field("clock_offset_ms", clockOffsetMs)
    }
  }
}
