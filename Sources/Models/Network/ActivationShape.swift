import Vectors

/// What one sample is between two layers: the shape of Float32 values in memory, or tokens.
public enum ActivationShape: Sendable, Equatable {
  /// Numbers without an order: one row.
  case values(Int)
  /// An image's feature maps, channels last: a row of `channels` values for each pixel, pixels row
  /// by row (what PyTorch calls NHWC), so that every operation by channel is one by column.
  case maps(channels: Int, height: Int, width: Int)
  /// A row of `width` values for each of `length` tokens.
  case sequence(length: Int, width: Int)
  /// Tokens, each in 0 ..< vocabulary; no Float32 values.
  case tokens(length: Int, vocabulary: Int)

  /// The rows of one sample: what a layer that works by row has as many of.
  public var rows: Int {
    switch self {
    case .values: 1
    case .maps(_, let height, let width): height * width
    case .sequence(let length, _): length
    case .tokens(let length, _): length
    }
  }

  /// The values of a row.
  public var width: Int {
    switch self {
    case .values(let count): count
    case .maps(let channels, _, _): channels
    case .sequence(_, let width): width
    case .tokens: 0
    }
  }

  /// The Float32 values of one sample.
  public var count: Int { rows * width }

  /// The same rows with another number of values each; nil for tokens.
  public func with(width: Int) -> ActivationShape? {
    switch self {
    case .values: .values(width)
    case .maps(_, let height, let columns): .maps(channels: width, height: height, width: columns)
    case .sequence(let length, _): .sequence(length: length, width: width)
    case .tokens: nil
    }
  }

  /// What a data set's samples are for the first layer; nil where they have neither numbers nor
  /// tokens.
  public init?(_ samples: SampleShape) {
    if samples.tokens > 0 {
      self = .tokens(length: samples.tokens, vocabulary: samples.classes)
    } else if let image = samples.image {
      self = .maps(channels: image.channels, height: image.height, width: image.width)
    } else if samples.inputs > 0 {
      self = .values(samples.inputs)
    } else {
      return nil
    }
  }
}

extension ActivationShape: CustomStringConvertible {
  /// In words, as messages have it.
  public var description: String {
    switch self {
    case .values(let count): "\(count) values"
    case .maps(let channels, let height, let width):
      "\(channels) \(channels == 1 ? "channel" : "channels") of \(height)×\(width)"
    case .sequence(let length, let width): "\(length) tokens of \(width) values"
    case .tokens(let length, let vocabulary):
      "\(length) tokens of a vocabulary of \(vocabulary)"
    }
  }
}
