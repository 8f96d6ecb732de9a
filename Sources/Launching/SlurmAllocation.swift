import Scaling

/// The allocation of a Slurm job, as its environment describes it to the job's script.
public struct SlurmAllocation: Sendable, Equatable {
  public var tasks: Int
  public var nodes: Int
  /// The most tasks of a node.
  public var tasksPerNode: Int
  /// `--cpus-per-task`; nil where it was not given.
  public var processorsPerTask: Int?

  /// Nil outside a job, and where the job was given no number of tasks.
  public init?(_ environment: [String: String]) {
    func number(_ names: String...) -> Int? {
      names.lazy.compactMap { environment[$0].flatMap { Int($0) } }.first {
        (1...(1 << 20)).contains($0)
      }
    }
    guard let tasks = number("SLURM_NTASKS", "SLURM_NPROCS") else { return nil }
    self.tasks = tasks
    nodes = number("SLURM_JOB_NUM_NODES", "SLURM_NNODES") ?? 1
    // `4(x2),3`: two nodes of four tasks, one of three.
    let each = environment["SLURM_TASKS_PER_NODE"]?.split(separator: ",").compactMap {
      Int($0.prefix { $0.isNumber })
    }
    tasksPerNode = each?.max().map { min(max(1, $0), tasks) } ?? (tasks + nodes - 1) / nodes
    processorsPerTask = number("SLURM_CPUS_PER_TASK")
  }

  /// The nodes, of which each has this one's cores, for its tasks.
  public func hosts(like machine: Machine) -> [CoreDivision.Host] {
    let cores = processorsPerTask.map { min(machine.cores, $0 * tasksPerNode) } ?? machine.cores
    return [CoreDivision.Host](
      repeating: CoreDivision.Host(
        cores: cores, numaNodes: machine.numaNodes, cacheDomains: machine.cacheDomains,
        slots: tasksPerNode), count: nodes)
  }
}
