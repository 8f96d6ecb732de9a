import ExperimentKeys
import Vectors

/// `data.kind = "cartpole"`: episodes of Gymnasium's CartPole-v1; see ``/Data/Episodes``. An epoch
/// is a number of episodes, new ones in every epoch; the test episodes are the same at every
/// evaluation.
public struct CartPoleKind: DataKind {
  public static let kind = "cartpole"
  public static let summary = "Episodes of CartPole-v1, with Gymnasium's physics."
  public let episodes: Int
  public let testEpisodes: Int

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    episodes = try keys.integer(
      "episodes", default: 1024, in: 1...Int(Int32.max),
      "episodes of an epoch, new ones in each")
    testEpisodes = try keys.integer(
      "test_episodes", default: 100, in: 1...Int(Int32.max),
      "episodes of an evaluation, always the same")
  }

  public func outline() -> SampleShape? {
    SampleShape(environment: .cartPole)
  }

  public func open(seed: UInt64, on ranks: borrowing some DataContext & ~Copyable) throws
    -> TrainingData
  {
    TrainingData(
      train: Episodes(of: .cartPole, count: episodes),
      test: Episodes(of: .cartPole, count: testEpisodes))
  }
}
