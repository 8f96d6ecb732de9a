/// A fault that is put into a run, by which `lockstep verify --inject`, the gallery of spikes and the
/// tests of the autopsy show that faults are found and named.
public struct InjectedFault: Sendable, Equatable {
  public enum Place: String, CaseIterable, Sendable {
    /// One bit of a gradient of the rank: of its first micro-batch of the step.
    case gradient
    /// One bit of the rank's weights after the step.
    case weights
    /// One bit of the rank's ledger before the reduction.
    case ledger
    /// One bit of what the rank gives to the sum of gradients, after its norm was measured.
    case exchange
    /// One bit of one of the optimiser's moments after the step, in the rank's part.
    case moment
    /// Every gradient of the rank is so many times what it should be.
    case scale
    /// Every gradient of the rank keeps so many bits of its fraction.
    case precision
    /// The step's first samples, so many of all ranks', have inputs a million times too large, or
    /// tokens that say nothing, and other labels or targets.
    case inputs
    /// The step's first samples, so many of all ranks', have other labels or targets.
    case labels
    /// The learning rate of every rank is so many times what it should be.
    case rate
  }

  public var place: Place
  /// The rank that it is put into; samples and rates are those of all ranks.
  public var rank: Int
  public var steps: ClosedRange<Int>
  /// A bit, counted from 0, of a Float32 or of a limb of a ledger's sum; or a number of samples or
  /// bits, or a factor.
  public var amount: Double

  public var step: Int { steps.lowerBound }
  public var bit: Int { Int(amount) }

  /// The form, for messages.
  public static let form =
    "\(Place.allCases.map(\.rawValue).joined(separator: "|")):RANK:STEP[-LAST|+]:AMOUNT"

  /// Reads `PLACE:RANK:STEPS:AMOUNT`, steps as `7`, `7-9` or `7+`; nil for anything else. A fault
  /// of more than one step comes back in every computation, also in one that is repeated.
  public init?(_ text: String) {
    let words = text.split(separator: ":", omittingEmptySubsequences: false)
    guard words.count == 4, let place = Place(rawValue: String(words[0])), let rank = Int(words[1]),
      let steps = Self.steps(words[2]), let amount = Double(words[3]), rank >= 0,
      place.bounds.contains(amount), place.isFraction || amount == amount.rounded()
    else { return nil }
    (self.place, self.rank, self.steps, self.amount) = (place, rank, steps, amount)
  }

  private static func steps(_ text: Substring) -> ClosedRange<Int>? {
    if text.hasSuffix("+") {
      return Int(text.dropLast()).flatMap { $0 >= 1 ? $0...Int.max : nil }
    }
    let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
    guard let first = ends.first, let last = ends.last, ends.count <= 2, first >= 1, last >= first
    else { return nil }
    return first...last
  }

  public var text: String {
    let last =
      steps.upperBound == Int.max ? "+" : steps.count > 1 ? "-\(steps.upperBound)" : ""
    let number = place.isFraction ? "\(amount)" : "\(Int(amount))"
    return "\(place.rawValue):\(rank):\(step)\(last):\(number)"
  }
}

extension InjectedFault.Place {
  var isFraction: Bool { self == .scale || self == .rate }

  var bounds: ClosedRange<Double> {
    switch self {
    case .gradient, .weights, .ledger, .exchange, .moment: 0...31
    case .scale, .rate: -1e30...1e30
    case .precision: 0...23
    case .inputs, .labels: 1...1e9
    }
  }
}
