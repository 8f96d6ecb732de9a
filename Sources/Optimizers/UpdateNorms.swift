import CVectorKernels

/// Squared L2 norms that an update yields on its way; over disjoint ranges they add up.
public struct UpdateNorms: Sendable, Equatable {
  /// Of the new weights less the old ones, as they are stored in Float32.
  public var squaredChange: Double
  /// Of the weights before the update.
  public var squaredWeights: Double

  public init(squaredChange: Double = 0, squaredWeights: Double = 0) {
    self.squaredChange = squaredChange
    self.squaredWeights = squaredWeights
  }

  init(_ norms: cvk_update_norms) {
    self.init(squaredChange: norms.update, squaredWeights: norms.weight)
  }

  public static func += (total: inout UpdateNorms, part: UpdateNorms) {
    total.squaredChange += part.squaredChange
    total.squaredWeights += part.squaredWeights
  }
}
