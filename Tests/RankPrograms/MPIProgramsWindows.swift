import Glibc
import MPI

/// Whether MPICH is to take every rank for a host of its own, by which it sends all messages over
/// the network (`TestMPI.overTCP`).
let ranksAreHosts = getenv("MPIR_CVAR_NOLOCAL") != nil

/// Windows in which each rank writes its own part and reads the others', over and over.
func checkSharedWindows(on ranks: borrowing Communicator) throws {
  guard !ranksAreHosts else { return }
  let size = ranks.size
  for counts in [
    (0..<size).map { _ in 1000 }, (0..<size).map { $0 * 2 % 3 * 17 },
    (0..<size).map { $0 == 0 ? 5 : 0 },
    (0..<size).map { $0 == size - 1 ? 100_003 : 0 }, (0..<size).map { _ in 0 },
    (0..<size).map { $0 + 1 },
  ] {
    try checkSharedWindow(of: Float.self, counts, on: ranks)
    try checkSharedWindow(of: Double.self, counts, on: ranks)
    try checkSharedWindow(of: UInt8.self, counts, on: ranks)
    try checkSharedWindow(of: Int64.self, counts, on: ranks)
  }
}

private func checkSharedWindow<Element: Datatype & Numeric & Equatable>(
  of type: Element.Type, _ counts: [Int], on ranks: borrowing Communicator
) throws {
  let (rank, size) = (ranks.rank, ranks.size)
  var window = try SharedWindow<Element>(on: ranks, count: counts[rank])
  for owner in 0..<size {
    try expect(
      window.part(of: owner).count == counts[owner],
      "part \(owner) of \(counts) \(type): \(window.part(of: owner).count)")
    try expect(
      window.part(of: owner).holds { _ in 0 },
      "part \(owner) of \(counts) \(type) is not zero at first")
  }
  try window.synchronize(on: ranks)
  for round in 0..<5 {
    var own = window.own
    for position in own.indices { own[position] = element(rank + round, position) }
    try window.synchronize(on: ranks)
    for owner in 0..<size {
      let right = window.part(of: owner).holds { element(owner + round, $0) }
      try expect(right, "part \(owner) of \(counts) \(type) in round \(round)")
    }
    let last = window.address(of: size - 1)
    try expect(last.count == counts[size - 1], "address of part \(size - 1) of \(counts) \(type)")
    if let value = last.last {
      try expect(value == element(size - 1 + round, last.count - 1), "the last part's address")
    }
    // No rank writes the next round before all have read this one.
    try window.synchronize(on: ranks)
  }
  try window.free()
}

extension Span where Element: Equatable {
  fileprivate func holds(_ wanted: (Int) -> Element) -> Bool {
    for position in indices where self[position] != wanted(position) { return false }
    return true
  }
}
