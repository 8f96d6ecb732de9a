import Processes
import Scaling

/// The command that starts the workers: mpirun's arguments and its environment, as values.
public struct MpirunCommand: Sendable {
  /// Programs, as absolute paths. `setpriv` is nil where util-linux is missing.
  public var setpriv: String?
  public var mpirun: MPILauncher
  public var worker: String
  public var workerArguments: [String]
  public var ranks: Int
  /// Of each rank.
  public var threads = 1
  /// Why there are so many ranks and threads, where they were chosen.
  public var reason: String?
  public var machine: Machine
  public var hostfile: Hostfile?
  /// The user's own arguments for mpirun; where they speak of binding or oversubscription, ours
  /// keep quiet.
  public var extra: [String]
  /// Whether each rank is to stay on a core of its own, where there is one for each.
  public var bindsToCores = false
  /// What the hosts themselves said of their cores; nil where they were not asked.
  public var crowding: Oversubscription?
  /// The same by host; empty where they were not asked.
  var coresOfHosts: [String: CoreDivision.Host] = [:]
  /// The environment the coordinator was started with.
  public var inherited: [String: String]

  public init(
    setpriv: String?, mpirun: MPILauncher, worker: String, workerArguments: [String], ranks: Int,
    machine: Machine, hostfile: Hostfile? = nil,
    extra: [String] = [], inherited: [String: String]
  ) {
    self.setpriv = setpriv
    self.mpirun = mpirun
    self.worker = worker
    self.workerArguments = workerArguments
    self.ranks = ranks
    self.machine = machine
    self.hostfile = hostfile
    self.extra = extra
    self.inherited = inherited
  }

  /// How many ranks `auto` means: an allocation's tasks, a hostfile's slots, or this machine's
  /// cores, where each rank takes as many slots or cores as it has `threads`.
  public static func automaticRanks(
    machine: Machine, hostfile: Hostfile?, threads: Int = 1, environment: [String: String]
  ) -> Int {
    func room(_ cores: Int) -> Int { max(1, cores / threads) }
    if let hostfile {
      guard hostfile.slots != nil else { return room(machine.cores) * hostfile.hosts.count }
      return hostfile.hosts.reduce(0) { $0 + room($1.slots ?? 1) }
    }
    return SlurmAllocation(environment)?.tasks ?? room(machine.cores)
  }

  // MARK: The command

  /// Program and arguments.
  ///
  /// `setpriv` sets the parent-death signal and then becomes mpirun, so that killing the
  /// coordinator, even with SIGKILL, ends the job.
  public var command: [String] {
    let guardian = setpriv.map { [$0, "--pdeathsig", "TERM"] } ?? []
    return guardian + [mpirun.path] + arguments + extra + [worker] + workerArguments
  }

  private var arguments: [String] {
    var arguments = ["-n", String(ranks)]
    if let hostfile = hostfile.map(slotted) { arguments += mpirun.hosts(hostfile) }
    if hostfile != nil || hasAllocation { arguments += mpirun.noticeLostHosts }
    if isOversubscribed {
      if exceedsSlots, !extraMentions(["--oversubscribe", "-oversubscribe", "--map-by", "-map-by"])
      {
        arguments += mpirun.oversubscribe
      }
      if !bindingIsChosen { arguments += mpirun.bindNone }
      if !extraMentions(["mpi_yield_when_idle"]) { arguments += mpirun.yieldWhenIdle }
    } else if crowding == .shared {
      // Each of these hosts would bind its first rank to the same core.
      if !bindingIsChosen { arguments += mpirun.bindNone }
    } else if threads > 1 {
      if !placementIsChosen { arguments += blockBinding ?? mpirun.bindNone }
    } else if bindsToCores && !placementIsChosen {
      arguments += mpirun.bindToCores
    }
    arguments += mpirun.variable(
      "OMP_NUM_THREADS", inherited["OMP_NUM_THREADS"] == nil ? "1" : nil)
    return arguments
      + (hostfile == nil && !hasAllocation ? [] : exported.flatMap { mpirun.variable($0) })
  }

  /// The variables that workers on other hosts need as they are here, beside those that mpirun
  /// hands on by itself (`OMPI_MCA_*`).
  public var exported: [String] { Self.exportedNames.filter { inherited[$0] != nil } }
  private static let exportedNames = [
    "LD_LIBRARY_PATH", "XDG_CACHE_HOME", "SWIFT_BACKTRACE", "LOCKSTEP_MAX_CPU", "OPENBLAS_CORETYPE",
    "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA",
  ]

  /// Whether this process is part of another mpirun's job.
  var isNested: Bool { LaunchPlace { inherited[$0] }.isLaunched }

  private var bindingIsChosen: Bool { extraMentions(["--bind-to", "-bind-to"]) }
  private var placementIsChosen: Bool {
    extraMentions(["--bind-to", "-bind-to", "--map-by", "-map-by", "--cpu-set", "--rankfile"])
  }

  /// More ranks than cores, or fewer cores than their threads take, as far as can be known here: a
  /// scheduler's allocation is its own affair.
  public var isOversubscribed: Bool {
    exceedsSlots || crowding == .oversubscribed
      || hostfile == nil && !hasAllocation && ranks * threads > machine.cores
  }

  private var exceedsSlots: Bool {
    if let hostfile { return hostfile.slots.map { ranks > $0 } ?? false }
    return !hasAllocation && ranks > machine.cores
  }

  /// Whether ranks may run where only mpirun reaches them.
  public var mayReachOtherHosts: Bool { hostfile != nil || hasAllocation }

  var hasAllocation: Bool {
    ["SLURM_JOB_ID", "PBS_NODEFILE", "LSB_JOBID", "PE_HOSTFILE"].contains { inherited[$0] != nil }
  }

  private func extraMentions(_ words: [String]) -> Bool { extra.contains { words.contains($0) } }

  /// What the user should know about how the workers are started.
  public var notes: [String] {
    var notes = reason.map { [$0] } ?? []
    if crowding == .shared && !bindingIsChosen {
      notes.append(
        "some of these hosts are one machine: their ranks are not bound to cores (mpirun --bind-to none)"
      )
    } else if isOversubscribed && !exceedsSlots && crowding == nil {
      notes.append(
        "\(rankText) on \(machine.cores == 1 ? "1 core" : "\(machine.cores) cores"): they take turns, so times say nothing about scaling (mpirun --bind-to none, idle ranks yield)"
      )
    } else if isOversubscribed && !exceedsSlots {
      notes.append(
        "a machine has more ranks\(threads > 1 ? " × threads" : "") than cores: they take turns, so times say nothing about scaling (mpirun --bind-to none, idle ranks yield)"
      )
    } else if isOversubscribed {
      let room =
        hostfile.map { _ in "slots in the hostfile" } ?? (machine.cores == 1 ? "core" : "cores")
      notes.append(
        "\(rankText) on \(hostfile?.slots ?? machine.cores) \(room): they take turns, so times say nothing about scaling "
          + "(mpirun --oversubscribe --bind-to none, idle ranks yield)")
    }
    if threads > 1, !isOversubscribed, crowding != .shared, !placementIsChosen, blockBinding == nil
    {
      notes.append(
        "\(rankText): not bound to cores, since it is not known that each host has enough of them (mpirun --bind-to none)"
      )
    }
    if let variable = inherited["OMP_NUM_THREADS"], variable != "1", threads == 1,
      !workerArguments.contains(where: { $0 == "--threads" || $0.hasPrefix("training.threads=") })
    {
      notes.append(
        "OMP_NUM_THREADS=\(variable) sets no threads of the ranks: each computes with one")
    }
    if setpriv == nil {
      notes.append(
        "setpriv (package util-linux) is missing: kill -9 of lockstep would leave the workers running"
      )
    }
    return notes
  }

  // MARK: The environment

  /// Variables set on top of the inherited ones.
  public var assignments: [(name: String, value: String)] {
    machine.isRoot && mpirun.dialect != .hydra
      ? [("OMPI_ALLOW_RUN_AS_ROOT", "1"), ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")] : []
  }

  /// The inherited variables that mpirun must not see.
  ///
  /// Inside another mpirun's job, `OMPI_*`, `PMIX_*` and their like describe that job and a second
  /// mpirun refuses to start. Outside one, the user's settings (`OMPI_MCA_*`) stay.
  public var removed: [String] {
    let isNested = isNested
    return inherited.keys.filter { name in
      MPILauncher.describesJob(name) && (isNested || !name.contains("_MCA_"))
    }.sorted()
  }

  public var environment: [String: String] {
    var environment = inherited
    for name in removed { environment[name] = nil }
    for (name, value) in assignments { environment[name] = value }
    return environment
  }
}
