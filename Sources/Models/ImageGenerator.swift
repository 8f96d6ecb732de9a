import Vectors

/// A model that makes pictures of its own: what `lockstep sample` draws.
public protocol ImageGenerator: Model {
  /// How a picture's values lie.
  var image: SampleShape.Image { get }

  /// `count` pictures, one after the other, each value in 0...1; picture i is a function of the
  /// seed, i and the weights.
  func generate(_ count: Int, seed: UInt64, weights: borrowing FlatVector) -> [Float]
}
