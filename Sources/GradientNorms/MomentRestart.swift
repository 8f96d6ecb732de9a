/// What a clip rule asks of the optimiser in one of its steps.
public struct MomentRestart: Sendable, Equatable {
  /// Whether the moments of the gradient and of its square are set to 0 before the step.
  public var resets: Bool
  /// A factor on the step's learning rate.
  public var rate: Double

  public init(resets: Bool = false, rate: Double = 1) { (self.resets, self.rate) = (resets, rate) }
}
