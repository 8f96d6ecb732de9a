import Vectors

/// Episodes of an environment by index: there is nothing to read, since an episode comes about as a
/// policy acts in it.
public struct Episodes: Dataset {
  public let count: Int
  public let shape: SampleShape

  public init(of environment: SampleShape.Environment, count: Int) {
    precondition(count > 0, "a set of episodes holds at least one")
    self.count = count
    shape = SampleShape(environment: environment)
  }

  public func read(_ samples: ArraySlice<UInt32>, into batch: inout Batch) {}
}
