import Glibc
import Models
import Testing

extension CartPole {
  fileprivate init(_ state: [Double]) {
    self.init(position: state[0], velocity: state[1], angle: state[2], angularVelocity: state[3])
  }

  fileprivate var state: [Double] { [position, velocity, angle, angularVelocity] }
}

@Suite struct CartPoleTests {
  /// An episode's last state and its length depend on all of its steps.
  ///
  /// All operations are the same on the same Doubles but NumPy's sine and cosine, which may differ
  /// from ours by a unit of the last place: some 1e-17 in the state after a step. 1e-16 leaves room
  /// for its growth in a falling pole, but not for another order of operations over 83 steps. Our
  /// sine and cosine have the same bits on any machine, so a test that passes here passes anywhere.
  @Test func thePoleMovesAsInGymnasium() {
    var (same, furthest) = (0, 0.0)
    for (number, episode) in GymnasiumEpisode.all.enumerated() {
      var world = CartPole(episode.start)
      for action in episode.actions {
        #expect(!world.hasFallen, "episode \(number) ended early")
        guard !world.hasFallen else { break }
        world.take(action: action.wholeNumberValue!)
      }
      #expect(world.hasFallen == episode.hasFallen, "episode \(number)")
      let difference = zip(world.state, episode.end).map { abs($0 - $1) }.max()!
      #expect(difference <= 1e-16, "episode \(number) of \(episode.actions.count) steps")
      furthest = max(furthest, difference)
      if world.state == episode.end { same += 1 }
    }
    let lengths = GymnasiumEpisode.all.map(\.actions.count)
    #expect(
      lengths.dropLast(2).reduce(0, +) == 1000
        && lengths[lengths.count - 2] == CartPole.longestEpisode)
    print(
      "CartPole: \(same) of \(lengths.count) episodes end in Gymnasium's bits, the others within \(furthest)"
    )
  }

  /// The bits after 500 steps: any CPU and any C library must give these.
  @Test func hasTheSameBitsOnEveryMachine() {
    let episode = GymnasiumEpisode.all[GymnasiumEpisode.all.count - 2]
    var world = CartPole(episode.start)
    for action in episode.actions { world.take(action: action.wholeNumberValue!) }
    #expect(
      world.state.map { String($0.bitPattern, radix: 16) }
        == ["bfeec49928af37b9", "bfd5a5806d843632", "bf6ace925d4a696f", "3fd90bf3281d05b8"])
  }

  @Test func sineAndCosineAreGoodToTheLastPlace() {
    for index in -50_000...50_000 {
      let angle = Double(index) / 100_000
      let (sine, cosine) = CartPole.sineAndCosine(of: angle)
      guard abs(sine - sin(angle)) <= sin(angle).ulp, abs(cosine - cos(angle)) <= cos(angle).ulp
      else {
        Issue.record("\(angle): \(sine), \(cosine)")
        return
      }
    }
  }

  @Test func thePoleFallsAtGymnasiumsBounds() {
    let lean = 0.20943951023931953
    func hasFallen(_ position: Double, _ angle: Double) -> Bool {
      CartPole(position: position, velocity: 0, angle: angle, angularVelocity: 0).hasFallen
    }
    for sign in [1.0, -1] {
      #expect(!hasFallen(sign * 2.4, 0) && hasFallen(sign * 2.4.nextUp, 0))
      #expect(!hasFallen(0, sign * lean) && hasFallen(0, sign * lean.nextUp))
    }
    #expect(hasFallen(.nan, 0) && hasFallen(0, .nan))
  }
}
