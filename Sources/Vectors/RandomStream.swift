/// A small, fast stream of random numbers (xoshiro256**, Blackman and Vigna 2018) that is the same
/// on every machine and Swift version.
///
/// It is seeded from a list of integers, so that randomness can be a function of (seed, purpose,
/// epoch, sample) and never of a rank.
public struct RandomStream: Sendable {
  private var state: (UInt64, UInt64, UInt64, UInt64)

  /// The stream that belongs to a sequence of integers. Different sequences give unrelated streams.
  public init(_ key: UInt64...) {
    var mixer = Self.start
    for value in key { mixer = Self.absorb(value, mixer) }
    self.init(mixer: mixer)
  }

  /// The stream that belongs to (seed, purpose, epoch, sample), without memory for a list of them:
  /// for one made a sample.
  public init(seed: UInt64, purpose: UInt64, epoch: UInt64, sample: UInt64) {
    let run = Self.absorb(purpose, Self.absorb(seed, Self.start))
    self.init(mixer: Self.absorb(sample, Self.absorb(epoch, run)))
  }

  private static let start: UInt64 = 0x6C6F_636B_7374_6570

  private static func absorb(_ value: UInt64, _ mixer: UInt64) -> UInt64 {
    mix(mixer &+ 0x9E37_79B9_7F4A_7C15) ^ mix(value &+ 0xD1B5_4A32_D192_ED03)
  }

  private init(mixer: UInt64) {
    var mixer = mixer
    func next() -> UInt64 {
      mixer &+= 0x9E37_79B9_7F4A_7C15
      return Self.mix(mixer)
    }
    state = (next(), next(), next(), next())
  }

  /// SplitMix64's finaliser.
  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  public mutating func next() -> UInt64 {
    func rotate(_ x: UInt64, _ k: UInt64) -> UInt64 { (x << k) | (x >> (64 - k)) }
    let result = rotate(state.1 &* 5, 7) &* 9
    let t = state.1 << 17
    state.2 ^= state.0
    state.3 ^= state.1
    state.1 ^= state.2
    state.0 ^= state.3
    state.2 ^= t
    state.3 = rotate(state.3, 45)
    return result
  }

  /// Uniform in 0 ..< bound, without bias (Lemire 2019).
  public mutating func integer(below bound: UInt64) -> UInt64 {
    var product = next().multipliedFullWidth(by: bound)
    if product.low < bound {
      let threshold = (0 &- bound) % bound
      while product.low < threshold { product = next().multipliedFullWidth(by: bound) }
    }
    return product.high
  }

  /// Uniform in 0 ..< 1, a multiple of 2⁻⁵³.
  public mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  public mutating func uniform(_ range: Range<Double>) -> Double {
    range.lowerBound + (range.upperBound - range.lowerBound) * unit()
  }
}
