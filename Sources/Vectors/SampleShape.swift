/// How many values of each kind one sample of a data set has: all that a model needs to know of its data.
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

  /// An image of `channels` planes, one behind the other.
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

  public init(inputs: Int = 0, tokens: Int = 0, labels: Int = 0, targets: Int = 0, classes: Int = 0, image: Image? = nil) {
    self.inputs = inputs
    self.tokens = tokens
    self.labels = labels
    self.targets = targets
    self.classes = classes
    self.image = image
  }
}
