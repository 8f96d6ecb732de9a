import Configuration
import GradientReduction
import MPI
import Models
import Reports

/// How all ranks of a run compute, the same on each of them: rank 0's CPU chooses which library makes
/// which product.
struct ComputeAgreement {
  let settings: ComputeSettings
  /// What the user should know of hosts that differ.
  let notes: [String]

  /// Makes models that are built from now on compute alike on all ranks. Collective: two gathers of
  /// a line a rank.
  ///
  /// Throws where `any-cpu` is asked for on a CPU without AVX2 or without OpenBLAS.
  ///
  /// `hosts` names each rank's host.
  init(
    _ reproducibility: Reproducibility, threads: Int, hosts: [String],
    on world: borrowing Communicator
  ) throws {
    let isAnyCPU = reproducibility == .anyCPU
    try world.succeedOnAllRanks {
      if isAnyCPU, let problem = AnyCPU.hold() { throw RunFailure(.usage, problem) }
    }
    let kind = isAnyCPU ? AnyCPU.cpu : CPUKind.here
    let kinds = try world.allGatherTexts("\(kind)")
    let row = ProductTable.measured.row(for: CPUKind(kinds[0])!)
    let library = row.usesOpenBLAS ? OpenBLAS.here(core: nil) : nil
    let versions = try world.allGatherTexts(library?.version ?? "none")
    let areAlike = Set(versions).count == 1
    try world.succeedOnAllRanks {
      if isAnyCPU, row.usesOpenBLAS, library == nil || !areAlike {
        throw RunFailure(
          .usage,
          "training.reproducible = \"any-cpu\" needs the same OpenBLAS on every host (\(Self.grouped(versions, hosts).joined(separator: "; "))): install libopenblas0, as Launch/setup does"
        )
      }
    }
    settings = ComputeSettings(
      threads: threads, isDividedByShape: reproducibility != .no, products: row,
      openBLAS: areAlike ? library : nil)
    ComputeSettings.current = settings
    notes =
      Self.note(kinds, on: hosts, reproducibility)
      + (row.usesOpenBLAS ? Self.note(versions, on: hosts) : [])
  }

  private static func note(
    _ kinds: [String], on hosts: [String], _ reproducibility: Reproducibility
  ) -> [String] {
    let places = grouped(kinds, hosts)
    guard places.count > 1 else { return [] }
    let advice =
      reproducibility == .likeCPUs
      ? "; their results differ in the last bits: training.reproducible = \"any-cpu\" makes them equal"
      : ""
    return ["the ranks' CPUs differ: \(places.joined(separator: ", "))\(advice)"]
  }

  private static func note(_ versions: [String], on hosts: [String]) -> [String] {
    let places = grouped(versions, hosts)
    if places.count > 1 {
      return [
        "OpenBLAS is not the same on all hosts (\(places.joined(separator: ", "))): products are oneDNN's"
      ]
    }
    return versions[0] == "none"
      ? [
        "OpenBLAS is not installed, which makes some products faster here: Launch/setup installs it"
      ]
      : []
  }

  /// `avx2-512-amd on a, b`, a line for each value.
  private static func grouped(_ values: [String], _ hosts: [String]) -> [String] {
    var order: [String] = []
    var places: [String: [String]] = [:]
    for (value, host) in zip(values, hosts) {
      if places[value] == nil { order.append(value) }
      if places[value]?.contains(host) != true { places[value, default: []].append(host) }
    }
    return order.map { "\($0) on \(places[$0]!.joined(separator: ", "))" }
  }
}
