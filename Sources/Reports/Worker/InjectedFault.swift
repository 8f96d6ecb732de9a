/// One flipped bit in one rank's memory, by which `lockstep verify --inject` shows that a fault is
/// found and its rank named.
public struct InjectedFault: Sendable, Equatable {
  public enum Place: String, CaseIterable, Sendable {
    /// The gradient of the rank's first micro-batch of the step.
    case gradient
    /// The rank's weights after the step.
    case weights
    /// The rank's ledger before the reduction.
    case ledger
  }

  public var place: Place
  public var rank: Int
  public var step: Int
  /// Of a Float32, or of a limb of a ledger's sum.
  public var bit: Int

  /// Reads `gradient|weights|ledger:RANK:STEP:BIT`; nil for anything else.
  public init?(_ text: String) {
    let words = text.split(separator: ":", omittingEmptySubsequences: false)
    guard words.count == 4, let place = Place(rawValue: String(words[0])), let rank = Int(words[1]),
      let step = Int(words[2]),
      let bit = Int(words[3]), rank >= 0, step >= 1, (0..<32).contains(bit)
    else { return nil }
    (self.place, self.rank, self.step, self.bit) = (place, rank, step, bit)
  }

  public var text: String { "\(place.rawValue):\(rank):\(step):\(bit)" }
}
