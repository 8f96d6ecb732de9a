import Recording

/// What `lockstep bench` measured: one line of JSON.
public struct BenchResult: Sendable, Equatable, Decodable {
  public var workload: String
  public var ranks: Int
  /// Of each rank.
  public var threads: Int
  public var params: Int
  /// The slowest rank's whole step, from a batch that is ready to weights that are updated: median
  /// over steps, and the fastest step.
  public var stepMs: Double
  public var minMs: Double
  /// Samples, or tokens of a text, a second over all ranks, at the median step.
  public var perS: Double
  /// Of the last step: the mean loss, and the mean gradient's norm before clipping.
  public var loss: Double?
  public var norm: Double?
  /// ``gflops`` over ``gemmGflops``.
  public var gemmFraction: Double
  /// A mean step, over ranks and steps, by what it was spent on. Here `data` is given; ``stepMs``
  /// is without it.
  public var seconds: PhaseTimes
  public var steps: Int
  /// What ``perS`` counts: samples or tokens.
  public var unit: String
  /// 10⁹ floating-point operations a second that a rank achieved in products and convolutions over
  /// the whole step, and that it reached in large matrix products, which took turns with the steps,
  /// on all ranks at once: their median, a mean over ranks.
  public var gflops: Double
  public var gemmGflops: Double
  /// The most memory that a rank has had resident after the first steps, its libraries and what it
  /// shares with other ranks included; the largest rank's.
  public var peakBytes: Int
  /// The CPU of rank 0 by its name, with the widest instructions that kernels use of it.
  public var cpu: String
  /// Bytes of a core's second-level cache there; 0 where the system does not say.
  public var secondLevelCache: Int
  /// What multiplied the matrices: name and version, and the widest instructions that it uses.
  public var library: String
  public var profile: BenchProfile?

  private enum CodingKeys: String, CodingKey {
    case workload, ranks, threads, params, loss, norm, seconds, steps, unit, gflops, profile, cpu
    case library
    case secondLevelCache = "l2_bytes"
    case stepMs = "step_ms"
    case minMs = "min_ms"
    case perS = "per_s"
    case gemmFraction = "gemm_fraction"
    case gemmGflops = "gemm_gflops"
    case peakBytes = "peak_bytes"
  }

  public init(
    workload: String, ranks: Int, threads: Int, params: Int, stepMs: Double, minMs: Double,
    perS: Double,
    loss: Double?, norm: Double?,
    gemmFraction: Double, seconds: PhaseTimes, steps: Int, unit: String, gflops: Double,
    gemmGflops: Double, peakBytes: Int, cpu: String, secondLevelCache: Int, library: String,
    profile: BenchProfile? = nil
  ) {
    self.workload = workload
    self.ranks = ranks
    self.threads = threads
    self.params = params
    self.stepMs = stepMs
    self.minMs = minMs
    self.perS = perS
    self.loss = loss
    self.norm = norm
    self.gemmFraction = gemmFraction
    self.seconds = seconds
    self.steps = steps
    self.unit = unit
    self.gflops = gflops
    self.gemmGflops = gemmGflops
    self.peakBytes = peakBytes
    (self.cpu, self.secondLevelCache, self.library) = (cpu, secondLevelCache, library)
    self.profile = profile
  }
}

/// Where a step's time went, rank by rank and layer by layer.
public struct BenchProfile: Sendable, Equatable, Decodable {
  /// A rank's mean step.
  public struct Rank: Sendable, Equatable, Decodable {
    public var rank: Int
    public var host: String
    public var seconds: PhaseTimes

    public init(rank: Int, host: String, seconds: PhaseTimes) {
      (self.rank, self.host, self.seconds) = (rank, host, seconds)
    }
  }

  /// Part of a mean pass.
  public struct Part: Sendable, Equatable, Decodable {
    public var name: String
    public var ms: Double

    public init(name: String, ms: Double) { (self.name, self.ms) = (name, ms) }
  }

  /// The trace's file.
  public var trace: String
  public var ranks: [Rank]
  /// Mean over ranks: the forward pass, timed by itself after the steps, then the backward pass,
  /// last layer first.
  public var parts: [Part]

  public init(trace: String, ranks: [Rank], parts: [Part]) {
    (self.trace, self.ranks, self.parts) = (trace, ranks, parts)
  }
}

extension BenchResult: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("workload", workload)
      $0.field("ranks", ranks)
      $0.field("threads", threads)
      $0.field("params", params)
      $0.field("step_ms", stepMs)
      $0.field("min_ms", minMs)
      $0.field("per_s", perS)
      $0.field("loss", loss)
      $0.field("norm", norm)
      $0.field("gemm_fraction", gemmFraction)
      $0.field("seconds", seconds)
      $0.field("steps", steps)
      $0.field("unit", unit)
      $0.field("gflops", gflops)
      $0.field("gemm_gflops", gemmGflops)
      $0.field("peak_bytes", peakBytes)
      $0.field("cpu", cpu)
      $0.field("l2_bytes", secondLevelCache)
      $0.field("library", library)
      if let profile { $0.field("profile", profile) }
    }
  }
}

extension BenchProfile: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("trace", trace)
      $0.key("ranks")
      $0.array(ranks) { json, rank in
        json.object {
          $0.field("rank", rank.rank)
          $0.field("host", rank.host)
          $0.field("seconds", rank.seconds)
        }
      }
      $0.key("parts")
      $0.array(parts) { json, part in
        json.object {
          $0.field("name", part.name)
          $0.field("ms", part.ms)
        }
      }
    }
  }
}
