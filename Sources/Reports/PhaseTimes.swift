/// Time by what it was spent on: seconds in a rank record, fractions of the whole in a convergence
/// report.
public struct PhaseTimes: Sendable, Equatable, Decodable, JSONWritable {
  public var data: Double
  public var compute: Double
  public var reduce: Double
  public var norm: Double
  public var optimizer: Double

  public init(data: Double, compute: Double, reduce: Double, norm: Double, optimizer: Double) {
    self.data = data
    self.compute = compute
    self.reduce = reduce
    self.norm = norm
    self.optimizer = optimizer
  }

  public func write(to json: inout JSONText) {
    json.object {
      $0.field("data", data)
      $0.field("compute", compute)
      $0.field("reduce", reduce)
      $0.field("norm", norm)
      $0.field("optimizer", optimizer)
    }
  }
}

extension PhaseTimes {
  public static let zero = PhaseTimes(data: 0, compute: 0, reduce: 0, norm: 0, optimizer: 0)

  public static func += (sum: inout PhaseTimes, part: PhaseTimes) {
    sum.data += part.data
    sum.compute += part.compute
    sum.reduce += part.reduce
    sum.norm += part.norm
    sum.optimizer += part.optimizer
  }

  /// Each part over the sum of all.
  public var fractions: PhaseTimes {
    let sum = data + compute + reduce + norm + optimizer
    guard sum > 0 else { return .zero }
    return PhaseTimes(
      data: data / sum, compute: compute / sum, reduce: reduce / sum, norm: norm / sum,
      optimizer: optimizer / sum)
  }
}
