import MPI

/// Records whose first half is summed and whose second half keeps the maximum, short and long.
func checkRecords(on ranks: borrowing Communicator) throws {
  let (rank, size) = (ranks.rank, ranks.size)
  for length in [2, 10, 40_000] {
    let reduction = try RecordReduction(length: length) { other, record, count, datatype in
      guard let other, let record, let count else { return }
      let length = recordLength(datatype?.pointee)
      let (given, kept) = (
        other.assumingMemoryBound(to: Double.self), record.assumingMemoryBound(to: Double.self)
      )
      for start in stride(from: 0, to: Int(count.pointee) * length, by: length) {
        for position in 0..<length / 2 { kept[start + position] += given[start + position] }
        for position in length / 2..<length {
          kept[start + position] = max(kept[start + position], given[start + position])
        }
      }
    }
    try expect(reduction.length == length, "a record's length")
    let wanted = (0..<length).map { position -> Double in
      let all: [Double] = (0..<size).map { element($0, position) }
      return position < length / 2 ? all.reduce(0, +) : all.max()!
    }
    for _ in 0..<2 {
      var record: [Double] = elements(rank, length)
      var span = record.mutableSpan
      try ranks.allReduce(record: &span, reduction)
      try expect(record == wanted, "a record of \(length)")
    }
    try reduction.free()
    if length == 10 { try checkIntegerRecord(length: length, on: ranks) }
  }
}

/// A record of integers too large for a Double's precision, combined by exclusive or.
private func checkIntegerRecord(length: Int, on ranks: borrowing Communicator) throws {
  func given(_ rank: Int) -> [UInt64] {
    (0..<length).map { UInt64.max / UInt64(rank * 3 + $0 + 1) }
  }
  let reduction = try RecordReduction(length: length) { other, record, count, datatype in
    guard let other, let record, let count else { return }
    let (given, kept) = (
      other.assumingMemoryBound(to: UInt64.self), record.assumingMemoryBound(to: UInt64.self)
    )
    for position in 0..<Int(count.pointee) * recordLength(datatype?.pointee) {
      kept[position] ^= given[position]
    }
  }
  var record = given(ranks.rank)
  var span = record.mutableSpan
  try ranks.allReduce(record: &span, reduction)
  let wanted = (1..<ranks.size).map(given).reduce(given(0)) { zip($0, $1).map { $0 ^ $1 } }
  try expect(record == wanted, "a record of integers")
  try reduction.free()
}
