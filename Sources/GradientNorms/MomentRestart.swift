/// What a clip rule asks of the optimiser in one of its steps.
public struct MomentRestart: Sendable, Equatable {
  /// Whether the moments of the gradient and of its square are set to 0 before the step.
  public var resets: Bool
  /// A factor on the step's learning rate.
  public var rate: Double
  /// How many of the steps before this one the correction of the moments' bias leaves out.
  public var forgottenSteps: Int

  public init(resets: Bool = false, rate: Double = 1, forgottenSteps: Int = 0) {
    (self.resets, self.rate, self.forgottenSteps) = (resets, rate, forgottenSteps)
  }
}
