/// How many values of each kind one sample of a data set has: all that a model needs to know of its
/// data.
public struct SampleShape: Sendable, Equatable, Codable {
  /// Float32 input values.
  public var inputs: Int
  /// Input tokens, each in 0 ..< classes: bytes of a text by their index in its vocabulary.
  public var tokens: Int
  /// Labels, each in 0 ..< classes: one for an image, one a token for a text.
  public var labels: Int
  /// Float32 values that a regression is to predict.
  public var targets: Int
  /// What labels and tokens can be; 0 where there are none.
  public var classes: Int
  /// How the inputs lie as an image, row by row; nil where they are none.
  public var image: Image?
  /// The environment whose episodes the samples are; nil where they are read from data. An
  /// episode's index with the seed and the epoch keys its random numbers, so a model that acts in
  /// it needs no values.
  public var environment: Environment?

  /// A world that a policy acts in, step by step.
  public enum Environment: String, Sendable, Codable {
    case cartPole = "cartpole"
  }

  /// An image of `channels` planes, one after the other.
  public struct Image: Sendable, Equatable, Codable {
    public var channels: Int
    public var height: Int
    public var width: Int

    public init(channels: Int = 1, height: Int, width: Int) {
      self.channels = channels
      self.height = height
      self.width = width
    }
  }

  /// Whether a sample can have this shape: nothing is negative or beyond 2³¹, and an image has as
  /// many values as there are inputs.
  public var isPossible: Bool {
    let counts =
      [inputs, tokens, labels, targets, classes]
      + (image.map { [$0.channels, $0.height, $0.width] } ?? [])
    guard counts.allSatisfy((0...(1 << 31)).contains) else { return false }
    guard let image else { return true }
    let (plane, overflow) = image.height.multipliedReportingOverflow(by: image.width)
    let (all, overflows) = plane.multipliedReportingOverflow(by: image.channels)
    return !overflow && !overflows && all == inputs
  }

  public init(
    inputs: Int = 0, tokens: Int = 0, labels: Int = 0, targets: Int = 0, classes: Int = 0,
    image: Image? = nil,
    environment: Environment? = nil
  ) {
    self.inputs = inputs
    self.tokens = tokens
    self.labels = labels
    self.targets = targets
    self.classes = classes
    self.image = image
    self.environment = environment
  }
}
