/// The size of signal and noise in each tensor's gradient, from the squares by tensor of the mean
/// gradient and of the parts, which every ledger has.
///
/// Of tensor k, trΣₖ = (Lₖ − Tₖ)·B/(N₊ − 1) and |Gₖ|² = Tₖ − trΣₖ/B, running means as those of
/// ``NoiseScale``: their sums over the tensors are the whole gradient's. Where the parts' gradients
/// were changed after they were measured, or noise is the spread of single samples, whose squares
/// are summed over the tensors, it takes nothing in.
public struct TensorNoise: Sendable, Equatable, Codable {
  /// By the tensor's index.
  public private(set) var scales: [NoiseScale]

  public init(tensorCount: Int, memory: Double = 0.98) {
    scales = [NoiseScale](repeating: NoiseScale(memory: memory), count: tensorCount)
  }

  /// Takes in a step's norms. A step with fewer than two parts says nothing of the noise.
  public mutating func record(_ ledger: NormLedger) {
    let (layout, samples, parts) = (ledger.layout, ledger.samples, ledger[.contributors])
    guard ledger.nonFinite == nil, layout.parts == .ofMean, !layout.hasNoiseOfSamples, parts >= 2
    else { return }
    for tensor in scales.indices {
      scales[tensor].record(
        squares: ledger[.squares, tensor],
        ofParts: ledger[.weightedLocalSquares, tensor] / samples, parts: parts, samples: samples)
    }
  }
}
