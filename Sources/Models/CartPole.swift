import Vectors

/// A pole hinged to a cart that is pushed left or right: Gymnasium's `CartPole-v1` (after Barto,
/// Sutton and Anderson 1983).
///
/// The state is Doubles and moves by Euler's rule in Gymnasium's order of operations. Every
/// operation is exactly rounded, sine and cosine included, so an episode has the same bits on every
/// machine, whatever its C library. Each step is rewarded with 1, the one in which the pole falls
/// too.
public struct CartPole: Sendable, Equatable {
  /// Metres, metres a second, radians from the upright, radians a second.
  public var position, velocity, angle, angularVelocity: Double

  /// What a policy sees: the four numbers of the state, as Float32.
  public static let observationWidth = 4
  /// 0 pushes to the left, 1 to the right.
  public static let actionCount = 2
  /// An episode is cut off after this many steps.
  public static let longestEpisode = 500

  public init(position: Double, velocity: Double, angle: Double, angularVelocity: Double) {
    (self.position, self.velocity, self.angle, self.angularVelocity) = (
      position, velocity, angle, angularVelocity
    )
  }

  /// A start: each number uniform within ±0.05.
  public init(startingBy chance: inout RandomStream) {
    (position, velocity) = (chance.uniform(-0.05..<0.05), chance.uniform(-0.05..<0.05))
    (angle, angularVelocity) = (chance.uniform(-0.05..<0.05), chance.uniform(-0.05..<0.05))
  }

  /// The cart has left the track, or the pole leans by more than 12°.
  public var hasFallen: Bool { !(abs(position) <= 2.4 && abs(angle) <= 12 * 2 * Double.pi / 360) }

  /// Pushes for 0.02 s with 10 N. The pole has not fallen yet.
  public mutating func take(action: Int) {
    precondition(!hasFallen, "the episode is over")
    let gravity = 9.8
    let poleMass = 0.1
    let totalMass = poleMass + 1.0
    let halfLength = 0.5
    let poleMassLength = poleMass * halfLength
    let seconds = 0.02

    let (sine, cosine) = Self.sineAndCosine(of: angle)
    let thrust =
      ((action == 1 ? 10.0 : -10.0) + poleMassLength * (angularVelocity * angularVelocity) * sine)
      / totalMass
    let angularAcceleration =
      (gravity * sine - cosine * thrust)
      / (halfLength * (4.0 / 3.0 - poleMass * (cosine * cosine) / totalMass))
    let acceleration = thrust - poleMassLength * angularAcceleration * cosine / totalMass

    position += seconds * velocity
    velocity += seconds * acceleration
    angle += seconds * angularVelocity
    angularVelocity += seconds * angularAcceleration
  }

  /// Sine and cosine of an angle within ±0.5, each within one unit of the last place; the C
  /// library's have other bits on other CPUs.
  ///
  /// Taylor's series: at 0.5 the first terms left out are below 3e-20 and 7e-19. The largest term
  /// is added last, with what rounding took from it (as in Sun's fdlibm).
  public static func sineAndCosine(of angle: Double) -> (sine: Double, cosine: Double) {
    let z = angle * angle
    var s = -1.0 / 1_307_674_368_000
    s = s * z + 1.0 / 6_227_020_800
    s = s * z - 1.0 / 39_916_800
    s = s * z + 1.0 / 362_880
    s = s * z - 1.0 / 5_040
    s = s * z + 1.0 / 120
    s = s * z - 1.0 / 6
    var c = -1.0 / 87_178_291_200
    c = c * z + 1.0 / 479_001_600
    c = c * z - 1.0 / 3_628_800
    c = c * z + 1.0 / 40_320
    c = c * z - 1.0 / 720
    c = c * z + 1.0 / 24
    let half = 0.5 * z
    let first = 1 - half
    return (angle + angle * (z * s), first + (((1 - first) - half) + z * z * c))
  }
}
