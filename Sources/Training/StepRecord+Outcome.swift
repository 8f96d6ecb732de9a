import Configuration
import GradientNorms
import Recording
import Vectors

/// The names a step's record needs: tensors, and the groups of them that an experiment asks for.
struct StepRecordNames {
  let tensors: [String]
  let groups: [(prefix: String, tensors: [Int])]
  let parameterCount: Int

  init(_ layout: TensorLayout, groups: [String]) {
    tensors = layout.segments.map(\.name)
    parameterCount = layout.parameterCount
    let names = tensors
    self.groups = groups.map { prefix in
      (prefix, names.indices.filter { names[$0].hasPrefix(prefix) })
    }
  }
}

extension StepRecord {
  /// A step as `metrics.jsonl` has it; `next` is a ledger reduced after it, which holds the norms
  /// of its update.
  init(_ outcome: StepOutcome, names: StepRecordNames, after next: NormLedger) {
    let (ledger, decision) = (outcome.ledger, outcome.decision)
    let action: Action
    var reason: String?
    switch decision.action {
    case .step: action = .step
    case .clip: action = .clip
    case .skip(let why):
      action = .skip
      reason = why.text(tensors: names.tensors)
    }
    let noise = outcome.noise
    self.init(
      step: outcome.step, epoch: outcome.epoch, samples: outcome.samples, loss: ledger.meanLoss,
      learningRate: outcome.learningRate,
      norm: Norm(ledger, decision, names, outcome.sampleNorms),
      noise: Noise(
        signal: noise.signal, variance: noise.variance, scale: noise.resolvedScale,
        diversity: ledger.diversity, agreement: ledger.agreement,
        layers: outcome.layerNoise.map { Self.layers($0, names.tensors) } ?? []),
      action: action, reason: reason, penalty: ledger[.penalty] > 0 ? ledger[.penalty] : nil,
      updateNorm: decision.isSkip ? 0 : next[.squaredUpdate].squareRoot(),
      weightNorm: decision.isSkip ? nil : next[.squaredWeights].squareRoot(),
      seconds: Seconds(total: outcome.totalSeconds, phases: outcome.seconds))
  }

  private static func layers(_ noise: TensorNoise, _ names: [String]) -> [LayerNoise] {
    zip(names, noise.scales).map { name, noise in
      LayerNoise(
        name: name, signal: noise.signal, variance: noise.variance, scale: noise.resolvedScale)
    }
  }
}

extension StepRecord.Norm {
  init(
    _ ledger: NormLedger, _ decision: StepDecision, _ names: StepRecordNames,
    _ samples: SampleNorms?
  ) {
    let (peak, outlier) = (ledger[.localNorm], ledger[.outlier])
    // No rank's own gradient was finite: there is no largest.
    let isUnknown = ledger[.nonFinite] > 0 && peak.value == 0
    func layers(_ norm: (Int) -> Double) -> [NamedNumber] {
      names.tensors.enumerated().map { NamedNumber($0.element, norm($0.offset)) }
    }
    self.init(
      global: decision.norm, applied: decision.applied,
      coefficient: decision.isSkip ? nil : decision.coefficient,
      threshold: decision.threshold, localRMS: ledger.localRMS,
      maxLocal: isUnknown
        ? StepRecord.MaxLocal(value: nil, rank: nil)
        : StepRecord.MaxLocal(value: peak.value, rank: peak.rank),
      layers: layers { ledger.norm(ofTensor: $0) },
      rms: decision.norm.map { $0 / Double(names.parameterCount).squareRoot() },
      certified: decision.isCertified,
      groups: names.groups.map { NamedNumber($0.prefix, ledger.norm(.two, of: $0.tensors)) },
      orders: ledger.layout.orders.map { order in
        StepRecord.Order(
          name: order.name, global: ledger.norm(order),
          layers: layers { ledger.norm(order, of: [$0]) })
      },
      outlier: outlier.value > 0
        ? StepRecord.Outlier(ratio: outlier.value, rank: outlier.rank)
        : StepRecord.Outlier(ratio: nil, rank: nil))
    self.samples = samples.map { norms in
      StepRecord.Samples(
        mean: ledger[.sampleNorms] / ledger.samples,
        rms: (ledger[.sampleSquares] / ledger.samples).squareRoot(),
        q05: norms.quantile(0.05), median: norms.quantile(0.5), q95: norms.quantile(0.95),
        q99: norms.quantile(0.99),
        largest: norms.largest.map {
          StepRecord.Sample(sample: $0.index, norm: $0.norm, rank: $0.rank)
        })
    }
    clippedSamples = ledger.clippedSamples
    own = decision.ownClips.map {
      StepRecord.Own(
        name: $0.name, norm: $0.norm, coefficient: $0.coefficient, threshold: $0.threshold)
    }
    update = decision.update.map { clipped in
      StepRecord.Update(
        norm: clipped.norm, applied: clipped.applied, coefficient: clipped.factors.common,
        threshold: clipped.threshold, layers: layers { clipped.tensorNorms[$0] })
    }
  }
}
