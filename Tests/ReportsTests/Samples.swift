import GradientNorms
import Recording
import Reports

/// Records with a different value in every field, so that a swapped field shows.
enum Samples {
  static let step = StepRecord(
    step: 7, epoch: 0.125, samples: 1792, loss: 2.31, learningRate: 1e-5,
    norm: .init(
      global: 1.9, applied: 1.0, coefficient: 0.52, threshold: 1.25, localRMS: 2.4,
      maxLocal: .init(value: 3.1, rank: 2),
      layers: [
        NamedNumber("layers.10.weight", 1.5), NamedNumber("layers.2.weight", nil),
        NamedNumber("a\"b\\c", 0.1),
      ]),
    noise: .init(signal: 1.1, variance: 310, scale: nil), action: .clip, updateNorm: 0.05,
    weightNorm: 14.2,
    seconds: .init(
      total: 0.011, data: 0.5, compute: 0.009, reduce: 0.001, norm: 0.0001, optimizer: 0.0009))

  static let report = ConvergenceReport(
    verdict: .noiseFloor, reasons: ["the loss fell from 2.31 to 0.34"], steps: 702, epochs: 2.99,
    samples: 179_712,
    final: .init(
      loss: 0.3412, accuracy: 0.8731, others: [NamedNumber("perplexity", 1.41)], gradNorm: 0.83),
    norm: .init(
      first: 2.3, last: 0.83, max: 5.12, clippedFraction: 0.123, certifiedFraction: 0.62, skipped: 2
    ), noiseScale: 281,
    throughput: .init(samplesPerSecond: 23412.4, stepMsMedian: 10.93, stepMsP95: 14.21),
    timeShare: .init(data: 0.01, compute: 0.71, reduce: 0.2, norm: 0.02, optimizer: 0.06),
    ranks: (0..<3).map {
      .init(
        rank: $0, host: "node\($0)", samples: 59_904 + $0, finalLoss: 0.34, meanLocalNorm: 1.2,
        secondsWaiting: 0.25,
        weightsSHA256: String(repeating: "0123456789abcdef", count: 4))
    }, restarts: 1, weightsSHA256: String(repeating: "0123456789abcdef", count: 4),
    skips: [
      .init(
        step: 41, rank: 1, host: "node1", tensor: "layers.0.weight",
        text: "the gradient of layers.0.weight is not finite on rank 1 (node1)"
      )
    ],
    clipBias: .init(scope: "worker", relative: 0.043, cosine: 0.99876, measuredSteps: 71),
    spikeScore: .init(loss: 0.013, norm: 0.047, window: 1000, deviations: 7))

  static let progress = WorkerEvent.Progress(
    step: 320, steps: 702, epoch: 1.365, loss: 0.43214, norm: 1.2034, clippedFraction: 0.12,
    samplesPerSecond: 23412.4, secondsLeft: 33.2,
    skipped: 0)
}
