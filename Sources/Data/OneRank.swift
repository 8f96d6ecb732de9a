/// A rank alone: opens data in one process, without MPI.
public struct OneRank: ~Copyable, DataContext {
  public init() {}

  public var rank: Int { 0 }
  public var size: Int { 1 }
  public var readsForNode: Bool { true }

  public borrowing func succeedOnAllRanks<Value>(_ body: () throws -> Value) throws -> Value {
    try body()
  }

  public borrowing func broadcast(_ values: [Int64]) throws -> [Int64] { values }
  public borrowing func sum(_ values: [Int64]) throws -> [Int64] { values }

  public borrowing func sharedBytes(count: Int, filler: Int) throws -> SharedBytes {
    SharedBytes(count: count)
  }
}
