import Recording
import Reports

/// What is misconfigured on the machines that a diagnosis was made on, and what to do about it.
public struct DoctorAdvice: Sendable, Equatable {
  public struct Finding: Sendable, Equatable {
    public var what: String
    public var remedy: String

    public init(_ what: String, _ remedy: String) { (self.what, self.remedy) = (what, remedy) }
    public var line: String { "\(what): \(remedy)" }
  }

  public private(set) var findings: [Finding] = []

  /// Judges the hosts' records and what their ranks measured; `records` are those of all hosts that
  /// have ranks.
  public init(_ diagnosis: DiagnosisRecord, records: [HostRecord]) {
    let ranks = diagnosis.ranks
    for (machine, here) in grouped(ranks, by: \.machine) {
      let record = records.first { $0.machine == machine }
      let name = unique(here.map(\.host)).joined(separator: ", ")
      crowding(here, name: name, cores: record?.cores, yields: diagnosis.yields)
    }
    for (host, here) in grouped(ranks, by: \.host) {
      if let record = records.first(where: { $0.host == host }) { memory(here.count, record) }
    }
    transports(diagnosis)
    // Ranks that take turns are slow for that reason alone.
    let isCrowded = grouped(ranks, by: \.machine).contains { machine, here in
      records.first { $0.machine == machine }.map { here.count > $0.cores } ?? false
    }
    if !isCrowded { speeds(diagnosis) }
    for rank in ranks {
      guard let offset = rank.clockOffsetMs, abs(offset) > 100 else { continue }
      add(
        "\(rank.host)'s clock is \(NumberFormat.formatted(abs(offset))) ms \(offset > 0 ? "ahead of" : "behind") \(ranks[0].host)'s",
        "run chrony or ntp there; training does not mind, logs do")
    }
    let cpus = unique(records.map(\.processor))
    if cpus.count > 1 {
      add(
        "the hosts' CPUs differ (\(cpus.joined(separator: "; ")))",
        "the slowest rank sets the pace; training.shares can give it less")
    }
  }

  // MARK: One machine

  private mutating func crowding(
    _ ranks: [DiagnosisRecord.Rank], name: String, cores: Int?, yields: Bool
  ) {
    guard let cores else { return }
    let isCrowded = ranks.count > cores
    if isCrowded {
      add(
        "\(name): \(NumberFormat.counted(ranks.count, "rank")) share \(NumberFormat.counted(cores, "core"))",
        "times say nothing about scaling; give at most \(cores) there for speed")
      if !yields {
        add(
          "\(name): idle ranks do not yield their cores to the others",
          "mpirun --mca mpi_yield_when_idle 1")
      }
    }
    // Ranks that may run on nothing but one and the same processor.
    let alone = grouped(
      ranks.filter { Machine.numbers(inList: $0.processors).count == 1 }, by: \.processors)
    for (processor, bound) in alone where bound.count > 1 && ranks.count > 1 {
      add(
        "\(name): \(RankRanges.text(bound.map(\.rank))) are all bound to processor \(processor)",
        "hosts of one machine each count from its first core: mpirun --bind-to none")
    }
    let threads = ranks.compactMap { $0.threads.flatMap { Int($0) } }.reduce(0, +)
    if !isCrowded && threads > cores {
      add(
        "\(name): OMP_NUM_THREADS makes \(threads) threads for \(NumberFormat.counted(cores, "core"))",
        "unset it, or set it to \(max(1, cores / ranks.count)); lockstep uses one thread a rank, or what --threads says"
      )
    }
  }

  private mutating func memory(_ ranks: Int, _ record: HostRecord) {
    // Open MPI's ranks each keep a segment of 4 MiB there through which they pass messages.
    let needed = ranks * (5 << 20)
    if let free = record.freeSharedMemory, ranks > 1, free < needed {
      add(
        "\(record.host): /dev/shm has \(free >> 20) MiB free, \(NumberFormat.counted(ranks, "rank")) take some \(needed >> 20)",
        "mount -o remount,size=1g /dev/shm, or docker run --shm-size=1g")
    }
    if record.freeMemory < ranks * (256 << 20) {
      add(
        "\(record.host): \(record.freeMemory >> 20) MiB of memory are free for \(NumberFormat.counted(ranks, "rank"))",
        "end other programs, or give fewer ranks")
    }
  }

  // MARK: All ranks

  private mutating func transports(_ diagnosis: DiagnosisRecord) {
    guard let list = diagnosis.transports,
      grouped(diagnosis.ranks, by: \.host).contains(where: { $0.1.count > 1 })
    else { return }
    let names = list.drop { $0 == "^" }.split(separator: ",").map(String.init)
    let isWithout = list.hasPrefix("^")
    let hasMemory = names.contains { ["vader", "sm"].contains($0) } != isWithout
    if !hasMemory {
      add(
        "MPI's transports are \"\(list)\": ranks of one host talk through the network",
        "leave the setting btl out, or add vader to it")
    }
  }

  private mutating func speeds(_ diagnosis: DiagnosisRecord) {
    guard let best = diagnosis.ranks.map(\.gemmGflops).max(), best > 0 else { return }
    let slow = diagnosis.ranks.filter { $0.gemmGflops < 0.7 * best }
    guard !slow.isEmpty else { return }
    let worst = slow.map(\.gemmGflops).min()!
    add(
      "\(RankRanges.text(slow.map(\.rank))) (\(unique(slow.map(\.host)).joined(separator: ", "))) multiply at \(NumberFormat.formatted(worst)) GFLOP/s or little more, "
        + "the fastest at \(NumberFormat.formatted(best))",
      "look for other programs there, ranks that share a core, or a slower CPU; all wait for the slowest"
    )
  }

  private mutating func add(_ what: String, _ remedy: String) {
    findings.append(Finding(what, remedy))
  }
}

/// Elements with the same key, in the order in which the keys first come.
private func grouped<Element>(_ elements: [Element], by key: (Element) -> String) -> [(
  String, [Element]
)] {
  unique(elements.map(key)).map { name in (name, elements.filter { key($0) == name }) }
}

private func unique(_ names: [String]) -> [String] {
  var seen: Set<String> = []
  return names.filter { seen.insert($0).inserted }
}
