import MPI

/// A number goes round a ring of ranks and each adds its own; then an all-reduce makes the same sum.
@main struct Main {
  static func main() {
    withMPI { world in
      let (next, previous) = (
        (world.rank + 1) % world.size, (world.rank + world.size - 1) % world.size
      )
      var sum = [Int64(0)]
      if world.rank == 0 {
        let start = [Int64(0)]
        let sending = try world.startSend(start.span, to: next, tag: 1)
        sum = try world.receiveArray(of: Int64.self, from: previous, tag: 1).values
        try sending.wait()
      } else {
        sum = try world.receiveArray(of: Int64.self, from: previous, tag: 1).values
        sum[0] += Int64(world.rank)
        try world.send(sum.span, to: next, tag: 1)
      }
      let all = try world.allReduce(Int64(world.rank), .sum)
      if world.rank == 0 {
        print("\(mpiLibraryVersion()): \(world.size) ranks, ring \(sum[0]), all-reduce \(all)")
      }
    }
  }
}
