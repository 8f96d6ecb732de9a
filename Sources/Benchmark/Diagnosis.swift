import Configuration
import GradientReduction
import Glibc
import Launching
import MPI
import Models
import Processes
import Recording
import Reports
import Training

/// Measures what training will meet: sums over all ranks by size, matrix products on all ranks at
/// once, clocks, places. Collective; the record is rank 0's.
public func diagnosis(on world: borrowing Communicator) throws -> DiagnosisRecord? {
  setComputeThreads(1)
  let hosts = try world.allGatherTexts(hostName())
  let machines = try world.allGatherTexts(
    SmallFiles.text("/proc/sys/kernel/random/boot_id") ?? hostName())
  let status = SmallFiles.text("/proc/self/status")?.split(separator: "\n").first {
    $0.hasPrefix("Cpus_allowed_list:")
  }
  let processors = try world.allGatherTexts(
    status.map { $0.dropFirst("Cpus_allowed_list:".count).filter { !$0.isWhitespace } } ?? "")
  let threads = try world.allGatherTexts(variable("OMP_NUM_THREADS") ?? "")
  let offsets = try ClockOffset.ofHosts(hosts, on: world)
  try world.barrier()
  let speed = [productSpeeds(repeats: 20).max() ?? 0]
  let speeds = try world.gather(speed.span)
  var reductions: [DiagnosisRecord.Reduction] = []
  for bytes in [8, 1 << 10, 1 << 16, 1 << 20, 1 << 24] {
    reductions.append(try timeReduction(bytes, on: world))
  }
  guard let speeds else { return nil }
  return DiagnosisRecord(
    mpi: mpiLibraryVersion(),
    ranks: hosts.indices.map { rank in
      DiagnosisRecord.Rank(
        rank: rank, host: hosts[rank], machine: machines[rank], processors: processors[rank],
        threads: threads[rank].isEmpty ? nil : threads[rank],
        gemmGflops: speeds[rank][0] * 1e-9, clockOffsetMs: offsets[rank].map { Double($0) * 1e-6 })
    }, reductions: reductions, transports: variable("OMPI_MCA_btl"),
    yields: ["1", "true"].contains(variable("OMPI_MCA_mpi_yield_when_idle") ?? ""))
}

/// Repeats a sum for about 0.2 s, three times at least; one that takes a second is not repeated.
private func timeReduction(_ bytes: Int, on world: borrowing Communicator) throws
  -> DiagnosisRecord.Reduction
{
  var values = [Float](repeating: 1, count: bytes / 4)
  func once() throws -> Double {
    for index in values.indices { values[index] = 1 }
    try world.barrier()
    let start = monotonicNanoseconds()
    var span = values.mutableSpan
    try world.allReduce(&span, .sum)
    return Double(monotonicNanoseconds() - start) * 1e-3
  }
  var one = try world.allReduce(try once(), .maximum)
  var (repetitions, times) = (1, [one])
  if one < 1e6 {
    // Connections are made by the first messages.
    _ = try once()
    one = try world.allReduce(try once(), .maximum)
    repetitions = Int(min(2000, max(3, 200_000 / max(one, 1))))
    times = []
    for _ in 0..<repetitions { times.append(try once()) }
  }
  var slowest = times.mutableSpan
  try world.allReduce(&slowest, .maximum)
  return DiagnosisRecord.Reduction(
    bytes: bytes, microseconds: times.median, repetitions: repetitions)
}

private func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
