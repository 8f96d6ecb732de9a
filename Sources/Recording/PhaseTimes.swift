/// Time by what it was spent on: seconds in a rank record, fractions of the whole in a convergence
/// report.
public struct PhaseTimes: Sendable, Equatable {
  /// A lane a phase: adding up the times of a step allocates nothing.
  private var lanes = SIMD8<Double>()

  /// No time at all.
  public init() {}

  /// Times in the order of the phases; those that are not given are 0.
  public init(_ values: some Sequence<Double>) {
    for (phase, value) in zip(Phase.allCases, values) { self[phase] = value }
  }

  public init(
    data: Double = 0, compute: Double = 0, reduce: Double = 0, norm: Double = 0,
    optimizer: Double = 0
  ) {
    self.init([data, compute, reduce, norm, optimizer])
  }

  /// The time spent on a phase.
  public subscript(phase: Phase) -> Double {
    get { lanes[phase.rawValue] }
    set { lanes[phase.rawValue] = newValue }
  }

  /// The times in the order of the phases.
  public var values: [Double] { Phase.allCases.map { self[$0] } }

  /// The sum over some phases, added in their order.
  public func total(where isCounted: (Phase) -> Bool = { _ in true }) -> Double {
    Phase.allCases.reduce(0) { isCounted($1) ? $0 + self[$1] : $0 }
  }

  /// Time in calls that wait for other ranks.
  public var together: Double { total(where: \.waitsForOthers) }

  /// Time that a rank spends by itself.
  public var own: Double { total { !$0.waitsForOthers } }

  /// Each part over the sum of all.
  public var fractions: PhaseTimes {
    let sum = total()
    return sum > 0 ? self / sum : PhaseTimes()
  }
}

extension PhaseTimes {
  public static let zero = PhaseTimes()

  public static func += (sum: inout PhaseTimes, part: PhaseTimes) { sum.lanes += part.lanes }

  public static func * (times: PhaseTimes, factor: Double) -> PhaseTimes {
    var product = times
    product.lanes *= factor
    return product
  }

  public static func / (times: PhaseTimes, divisor: Double) -> PhaseTimes {
    var quotient = times
    quotient.lanes /= divisor
    return quotient
  }
}

extension PhaseTimes: JSONWritable, Decodable {
  public func write(to json: inout JSONText) { json.object { writeFields(to: &$0) } }

  /// A field a phase, of an object that may have others.
  func writeFields(to json: inout JSONText) {
    for phase in Phase.allCases { json.field(phase.name, self[phase]) }
  }

  /// Records of before a phase was added have no time of it.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Phase.self)
    for phase in Phase.allCases {
      self[phase] = try fields.decodeIfPresent(Double.self, forKey: phase) ?? 0
    }
  }
}

extension PhaseTimes: CustomReflectable {
  public var customMirror: Mirror {
    Mirror(self, children: Phase.allCases.map { ($0.name, self[$0]) })
  }
}
