/// The rate of DoG, which needs none to be set: the largest distance from the start over the root
/// of the sum of squared norms (Ivgi et al. 2023, arXiv 2302.12022). ηₜ = max(rₑ, max ‖xₖ − x₀‖) /
/// √(Σ‖gₖ‖² + 10⁻⁸), rₑ = 10⁻⁶(1 + ‖x₀‖).
public struct DistanceOverGradients: Sendable, Equatable, Codable {
  private var largestDistance: Double?
  private var sumOfSquares = 0.0

  public init() {}

  /// The rate in force, which a skipped step leaves as it is; 0 before the first step that is
  /// taken.
  public var inForce: Double {
    largestDistance.map { $0 / (sumOfSquares + 1e-8).squareRoot() } ?? 0
  }

  /// Takes in a step's ledger, with the weights' squares and their distance from the start, and the
  /// squared norm that is applied.
  public mutating func rate(_ ledger: NormLedger, appliedSquares: Double) -> Double {
    let distance = ledger[.squaredDistance].squareRoot()
    if largestDistance == nil {
      let start = (0..<ledger.tensorCount).reduce(0) { $0 + ledger[.weightSquares, $1] }
        .squareRoot()
      largestDistance = 1e-6 * (1 + start)
    }
    largestDistance = max(largestDistance!, distance)
    sumOfSquares += appliedSquares
    return inForce
  }
}
