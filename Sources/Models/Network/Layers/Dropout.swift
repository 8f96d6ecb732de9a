import ExperimentKeys
import Vectors

/// `kind = "dropout"`: in training each value is 0 with probability `rate`, and divided by 1 − rate
/// otherwise (Srivastava et al. 2014), PyTorch's `nn.Dropout`.
///
/// What is dropped is a function of (seed, epoch, sample, layer), so never of a rank.
public struct Dropout: LayerKind {
  public static let kind = "dropout"
  public static let summary = "Sets values to 0 at random in training, and scales the others up."
  public let rate: Double

  public init(_ rate: Double) {
    precondition((0..<1).contains(rate), "a rate of \(rate)")
    self.rate = rate
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    rate = try keys.number(
      "rate", default: 0.5, in: 0..<1,
      "probability that a value is 0, to 1/65536")
  }

  public func add(to network: inout NetworkBuilder, after x: NetworkBuilder.Value)
    throws(ExperimentError) -> NetworkBuilder.Value
  {
    if case .tokens = x.shape { throw network.misfit(x, wanted: "values") }
    return try network.apply(
      Mask(rate, x.shape.count, seed: network.seed, layer: network.layerKey), to: x,
      making: x.shape)
  }

  /// ASCII "dropout".
  private static let purpose: UInt64 = 0x64_726F_706F_7574

  private final class Mask: Layer {
    private let rate: Double
    private let count: Int
    private let key: (seed: UInt64, layer: UInt64)

    init(_ rate: Double, _ count: Int, seed: UInt64, layer: UInt64) {
      (self.rate, self.count, key) = (rate, count, (seed, layer))
    }

    var memory: LayerMemory { LayerMemory(isInPlace: true) }

    func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
      if pass.y != pass.x { pass.y.update(from: pass.x, count: pass.samples * count) }
      if pass.isTraining { mask(pass.y, pass) }
    }

    func backward(
      _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
      finished: (Int, inout FlatVector) -> Void
    ) {
      guard let dx = pass.dx else { return }
      if dx != pass.dy { dx.update(from: pass.dy, count: pass.samples * count) }
      mask(dx, pass)
    }

    /// The same values each time: nothing is kept of them.
    private func mask(_ values: UnsafeMutablePointer<Float>, _ pass: LayerPass) {
      // Four values share the bits of a draw: a rate is met to 1/65536.
      let limit = min(UInt64((rate * 65536).rounded()), 65535)
      let keep = Float(65536 / Double(65536 - limit))
      for sample in 0..<pass.samples {
        var random = RandomStream(
          key.seed, Dropout.purpose, UInt64(pass.epoch), UInt64(pass.sampleIndices[sample]),
          key.layer)
        var bits: UInt64 = 0
        let row = values + sample * count
        for index in 0..<count {
          bits = index % 4 == 0 ? random.next() : bits >> 16
          row[index] *= bits & 0xFFFF < limit ? 0 : keep
        }
      }
    }
  }
}
