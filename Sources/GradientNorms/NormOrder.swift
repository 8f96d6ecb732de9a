import Glibc

/// Which norm: Lp for a p of at least 1, or the largest absolute value.
public enum NormOrder: Sendable, Hashable {
  case power(Double)
  case infinity

  public static let one = NormOrder.power(1)
  public static let two = NormOrder.power(2)

  /// As an experiment file and a record write it: `1`, `2`, `3.5`, `inf`.
  public var name: String {
    switch self {
    case .power(let p): p == p.rounded() && p < 1e6 ? "\(Int(p))" : "\(p)"
    case .infinity: "inf"
    }
  }

  /// Whether sums of these powers of Float32 values may leave the range of an exact sum, so that
  /// they need a unit (``NormLedger/powerUnit``).
  public var needsUnit: Bool { if case .power(let p) = self { p > 3 } else { false } }

  /// The norm from what adds up over ranks and tensors: Σ|x|ᵖ, or the largest |x|.
  public func norm(fromTotal total: Double) -> Double {
    switch self {
    case .power(1), .infinity: total
    case .power(2): total.squareRoot()
    case .power(let p): pow(total, 1 / p)
    }
  }
}
