import Gallery
import GradientNorms
import Recording
import Reports

/// A synthetic run: the quantities that a judge reads, as functions of the progress of the run (0
/// to 1).
func madeUp(
  _ name: String, steps: Int = 400, samples: Int = 64, loss: (Double) -> Double? = { _ in 1 },
  norm: (Double) -> Double? = { _ in 1 },
  localRMS: (Double) -> Double? = { _ in 1 }, layers: [NamedNumber] = [], weightNorm: Double = 1,
  score: Double? = nil, finalLoss: Double? = nil,
  verdict: ConvergenceReport.Verdict = .converging, bias: Double? = nil,
  variance: (Double) -> Double? = { _ in nil }, incidents: [IncidentRecord] = [],
  singles: (Double) -> StepRecord.Samples? = { _ in nil }
) -> FinishedRun {
  let records = (0..<steps).map { index in
    let place = Double(index) / Double(steps)
    var record = StepRecord(
      step: index + 1, epoch: 0, samples: samples, loss: loss(place), learningRate: 0.1,
      norm: .init(
        global: norm(place), applied: nil, coefficient: nil, threshold: nil,
        localRMS: localRMS(place), maxLocal: .init(value: nil, rank: nil),
        layers: layers),
      noise: .init(signal: 1, variance: variance(place), scale: nil), action: .step,
      updateNorm: nil,
      weightNorm: weightNorm,
      seconds: .init(total: 0.001, data: 0, compute: 0, reduce: 0, norm: 0, optimizer: 0))
    record.norm.samples = singles(place)
    return record
  }
  let report = ConvergenceReport(
    verdict: verdict, reasons: [], steps: steps, epochs: 1, samples: steps * samples,
    final: .init(loss: finalLoss, accuracy: score, gradNorm: nil),
    norm: .init(first: 1, last: 1, max: 1, clippedFraction: 0, skipped: 0),
    noiseScale: nil, throughput: .init(samplesPerSecond: nil, stepMsMedian: nil, stepMsP95: nil),
    timeShare: .init(data: 0, compute: 1, reduce: 0, norm: 0, optimizer: 0), ranks: [], restarts: 0,
    weightsSHA256: nil, skips: [],
    clipBias: bias.map { .init(scope: "worker", relative: $0, cosine: 0.9, measuredSteps: 10) })
  return FinishedRun(name: name, report: report, steps: records, incidents: incidents)
}

/// A norm that jumps up and down between neighbouring steps by this much of its logarithm.
func jumping(_ jump: Double, steps: Int = 400) -> (Double) -> Double {
  { place in Int((place * Double(steps)).rounded()) % 2 == 0 ? 1 : 1 + jump }
}
