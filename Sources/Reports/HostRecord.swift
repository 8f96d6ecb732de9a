import Recording

/// What one host says of itself before a job: the line of JSON that `lockstep-worker --probe`
/// prints there.
public struct HostRecord: Sendable, Equatable, Decodable {
  public var host: String
  /// The machine's boot identifier: hosts that have the same one are containers or namespaces of
  /// one machine.
  public var machine: String
  /// The worker's own file and its SHA-256.
  public var worker: String
  public var workerSHA256: String
  public var mpi: String
  /// Whether the daemon that mpirun starts on a host lies where mpirun expects it.
  public var hasLauncher: Bool
  /// The directory that it was started in.
  public var directory: String
  public var data: [DataFile]
  /// Why the run directory cannot be written; nil where it can.
  public var outputProblem: String?
  /// Whether the run directory is the very one that the coordinator sees.
  public var sharesOutput: Bool
  /// Seconds since 1970, when the record was made.
  public var time: Double
  /// Physical cores that it may use.
  public var cores: Int
  /// NUMA nodes and last-level caches that these cores belong to; nil in records of earlier versions.
  public var numaNodes: Int?
  public var cacheDomains: Int?
  public var cpu: String
  public var instructions: CPUInstructions?
  /// Bytes: in all, free for new programs, and free in /dev/shm (nil where there is none).
  public var memory: Int
  public var freeMemory: Int
  public var freeSharedMemory: Int?

  /// A file that the experiment reads on every host.
  public struct DataFile: Sendable, Equatable, Decodable {
    public var path: String
    /// Of the whole file, or of its length and pieces of it where it is large; nil where it cannot
    /// be read.
    public var digest: String?
    public var problem: String?

    public init(path: String, digest: String?, problem: String?) {
      (self.path, self.digest, self.problem) = (path, digest, problem)
    }
  }

  public init(
    host: String, machine: String, worker: String, workerSHA256: String, mpi: String,
    hasLauncher: Bool, directory: String,
    data: [DataFile],
    outputProblem: String?, sharesOutput: Bool, time: Double, cores: Int, cpu: String,
    instructions: CPUInstructions? = nil, memory: Int, freeMemory: Int, freeSharedMemory: Int?,
    numaNodes: Int? = nil, cacheDomains: Int? = nil
  ) {
    self.host = host
    self.machine = machine
    self.worker = worker
    self.workerSHA256 = workerSHA256
    self.mpi = mpi
    self.hasLauncher = hasLauncher
    self.directory = directory
    self.data = data
    self.outputProblem = outputProblem
    self.sharesOutput = sharesOutput
    self.time = time
    self.cores = cores
    (self.numaNodes, self.cacheDomains) = (numaNodes, cacheDomains)
    self.cpu = cpu
    self.instructions = instructions
    self.memory = memory
    self.freeMemory = freeMemory
    self.freeSharedMemory = freeSharedMemory
  }

  private enum CodingKeys: String, CodingKey {
    case host, machine, worker, mpi, directory, data, time, cores, cpu, instructions, memory
    case workerSHA256 = "worker_sha256"
    case hasLauncher = "has_launcher"
    case outputProblem = "output_problem"
    case sharesOutput = "shares_output"
    case numaNodes = "numa_nodes"
    case cacheDomains = "cache_domains"
    case freeMemory = "free_memory"
    case freeSharedMemory = "free_shared_memory"
  }
}

extension HostRecord {
  /// The CPU's name, and what programs use of it where that is known: on some virtual machines CPUs
  /// of one name differ.
  public var processor: String { instructions.map { "\(cpu) (\($0.kernels))" } ?? cpu }
}

extension HostRecord: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("host", host)
      $0.field("machine", machine)
      $0.field("worker", worker)
      $0.field("worker_sha256", workerSHA256)
      $0.field("mpi", mpi)
      $0.field("has_launcher", hasLauncher)
      $0.field("directory", directory)
      $0.field("data", data)
      $0.field("output_problem", outputProblem)
      $0.field("shares_output", sharesOutput)
      $0.field("time", time)
      $0.field("cores", cores)
      if let numaNodes { $0.field("numa_nodes", numaNodes) }
      if let cacheDomains { $0.field("cache_domains", cacheDomains) }
      $0.field("cpu", cpu)
      $0.field("instructions", instructions)
      $0.field("memory", memory)
      $0.field("free_memory", freeMemory)
      $0.field("free_shared_memory", freeSharedMemory)
    }
  }
}

extension HostRecord.DataFile: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("path", path)
      $0.field("digest", digest)
      $0.field("problem", problem)
    }
  }
}
