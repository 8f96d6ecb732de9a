import CRankPrograms
import MPI

/// What the binding costs: its all-reduce against the same call from C, on the same buffer, in
/// turns.
///
/// Prints a line a size:
/// `bytes, ns a call from C, ns through the binding, ns of difference, ratio`. Medians, the
/// difference over pairs of neighbouring blocks, so that whatever slows the machine for longer than
/// a block slows both. Argument `brief`: fewer turns, no 64 MB. On two ranks of a quiet machine the
/// ratio is to stay below 1.02 at every size.
let allReduceCost = RankProgram("allreduce-cost") { world, arguments in
  let isBrief = arguments.first == "brief"
  let plans = [
    (bytes: 1 << 10, calls: 100, pairs: 1500), (bytes: 16 << 10, calls: 40, pairs: 800),
    (bytes: 256 << 10, calls: 8, pairs: 500),
    (bytes: 4 << 20, calls: 1, pairs: 250), (bytes: 64 << 20, calls: 1, pairs: 24),
  ]
  for plan in plans where !isBrief || plan.bytes < 64 << 20 {
    let costs = try compare(
      count: plan.bytes / MemoryLayout<Float>.stride, calls: plan.calls,
      pairs: plan.pairs / (isBrief ? 5 : 1), on: world)
    if world.rank == 0 {
      let ratio = 1 + costs.difference / costs.fromC
      print(
        plan.bytes, Int(costs.fromC), Int(costs.throughBinding), Int(costs.difference.rounded()),
        (ratio * 10_000).rounded() / 10_000)
    }
  }
}

private typealias Costs = (fromC: Double, throughBinding: Double, difference: Double)

private func compare(count: Int, calls: Int, pairs: Int, on world: borrowing Communicator) throws
  -> Costs
{
  // Zeros stay zeros, however often they are added.
  var values = [Float](repeating: 0, count: count)
  var (plain, bound, differences): ([Double], [Double], [Double]) = ([], [], [])
  for pair in -2..<pairs {
    var (fromC, throughBinding) = (0.0, 0.0)
    for turn in 0..<2 {
      try world.barrier()
      let start = ContinuousClock.now
      if (pair + turn) & 1 == 0 {
        for _ in 0..<calls {
          values.withUnsafeMutableBufferPointer {
            _ = crp_allreduce_floats($0.baseAddress, Int32($0.count))
          }
        }
        fromC = nanoseconds(since: start) / Double(calls)
      } else {
        for _ in 0..<calls {
          var span = values.mutableSpan
          try world.allReduce(&span, .sum)
        }
        throughBinding = nanoseconds(since: start) / Double(calls)
      }
    }
    // The first two pairs warm up.
    if pair < 0 { continue }
    plain.append(fromC)
    bound.append(throughBinding)
    differences.append(throughBinding - fromC)
  }
  return (median(plain), median(bound), median(differences))
}

private func nanoseconds(since start: ContinuousClock.Instant) -> Double {
  let elapsed = start.duration(to: .now).components
  return Double(elapsed.seconds) * 1e9 + Double(elapsed.attoseconds) / 1e9
}

private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
