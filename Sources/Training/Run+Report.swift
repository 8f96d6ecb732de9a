import Configuration
import GradientReduction
import Data
import Files
import GradientNorms
import Logging
import MPI
import Recording
import Reports
import Scaling

extension Run {
  /// Says that there is nothing to do, and gives the report there is.
  func sayComplete(_ report: ConvergenceReport, changes: [ChangedKeys.Change]) {
    let idle =
      changes.isEmpty ? "" : "; without effect: \(changes.map(\.sentence).joined(separator: ", "))"
    say.event(
      .message(
        level: .note,
        text:
          "\(directory.path) is already complete after step \(report.steps): nothing is trained or written, --force replaces it\(idle)"
      ))
    say.event(.report(report))
    lock?.release()
  }

  /// What was simulated, and how well this machine kept up with it.
  private func simulationText(ranks: Int) -> String? {
    guard let simulation = options.simulation else { return nil }
    let words = simulation.description(ranks: ranks)
    guard let reducer = trainer.reducer as? SimulatedNetworkReducer, reducer.halves > 0 else {
      return words
    }
    let late = Double(reducer.overruns) / Double(reducer.halves)
    return words + "; \(NumberFormat.percent(late)) of the exchanges took longer here than there"
  }

  /// Writes `report.html`, at the rank that records. Failing to write the page is logged and
  /// ignored.
  func writePage(failure: String? = nil) {
    guard let recorder else { return }
    do {
      try lock?.verify()
      // Steps before a resumption are read back, and the ranks wait for it: no more than take a
      // second or two.
      try RunPage(
        RunRecords(directory, series: recorder.series(), failure: failure, limit: 16 << 20)
      ).write(to: directory.page)
    } catch {
      log.warning("\(error)")
      say.event(.message(level: .warning, text: "\(error)"))
    }
  }

  /// What each rank did, at rank 0. Collective.
  func gatherRanks(digests: [String]?, on world: borrowing Communicator) throws
    -> [ConvergenceReport.Rank]?
  {
    let mine = [
      Double(totals.samples), totals.lastLoss ?? .nan, totals.meanLocalNorm ?? .nan,
      totals.secondsTogether,
    ]
    guard let all = try world.gather(mine.span), let digests else { return nil }
    // The rank that waits least is the one the others wait for.
    let least = all.map { $0[3] }.min() ?? 0
    return all.enumerated().map { rank, v in
      ConvergenceReport.Rank(
        rank: rank, host: hosts[rank], samples: Int(v[0]), finalLoss: v[1].isNaN ? nil : v[1],
        meanLocalNorm: v[2].isNaN ? nil : v[2],
        secondsWaiting: v[3] - least, weightsSHA256: digests[rank])
    }
  }

  /// The report of a run that is over, from its history and its ranks.
  func convergenceReport(
    _ scores: (weights: Scores, average: Scores?)?, ranks: [ConvergenceReport.Rank]
  ) -> ConvergenceReport {
    let verdict = history.tracker.verdict(stopped: wasStopped)
    let reasons =
      verdict.reasons
      + (trainer.policy.stopReason.map {
        ["The stop rule ended training after step \(trainer.stepsDone): \($0)."]
      } ?? []) + (patienceEnding.map { [$0] } ?? [])
      + (trainer.settings.starvingClip(history.clippedFraction, of: trainer.stepsDone).map { [$0] }
        ?? [])
    let sorted = stepSeconds.sorted()
    func quantile(_ q: Double) -> Double? {
      sorted.isEmpty
        ? nil : Double(sorted[min(sorted.count - 1, Int(Double(sorted.count) * q))]) * 1e3
    }
    let seconds = stepSeconds.reduce(0.0) { $0 + Double($1) }
    let samples = trainer.memory.cursor.samples
    let digests = Set(ranks.compactMap(\.weightsSHA256))
    return ConvergenceReport(
      verdict: verdict.kind, reasons: reasons, steps: trainer.stepsDone,
      epochs: trainer.epoch, samples: samples,
      final: ConvergenceReport.Final(
        loss: scores?.weights.loss, score: scores?.weights.score, average: scores?.average,
        gradNorm: history.lastNorm),
      norm: ConvergenceReport.Norm(
        first: history.firstNorm, last: history.lastNorm, max: history.largestNorm,
        clippedFraction: history.clippedFraction,
        certifiedFraction: experiment.clip.limit != nil && experiment.clip.order == .two
          && experiment.clipTarget == .gradient
          ? history.certifiedFraction : nil, skipped: history.skipped),
      noiseScale: history.tracker.isGradientResolved == false
        ? nil : trainer.memory.noise.resolvedScale,
      throughput: ConvergenceReport.Throughput(
        samplesPerSecond: seconds > 0 ? Double(samples - samplesBefore) / seconds : nil,
        stepMsMedian: quantile(0.5),
        stepMsP95: quantile(0.95)),
      timeShare: totals.seconds.fractions, ranks: ranks, restarts: options.restarts,
      weightsSHA256: digests.count == 1 ? digests.first : nil,
      skips: history.skips.map {
        ConvergenceReport.Skip(
          step: $0.step, rank: $0.rank, host: $0.host, tensor: $0.tensor, text: $0.reason)
      },
      clipBias: history.meanBias.map {
        ConvergenceReport.ClipBias(
          scope: experiment.clipScope.rawValue, relative: $0.relative, cosine: $0.cosine,
          measuredSteps: history.biasMeasured)
      }, spikeScore: spikeScore, resumedAt: history.resumedAt,
      changes: history.changes?.map { change in
        KeyChange(
          key: change.key, from: change.from.map { KeyChange.Value(toml: $0) },
          to: change.to.map { KeyChange.Value(toml: $0) },
          step: change.step)
      }, simulation: simulationText(ranks: ranks.count),
      heldOut: history.evaluations.map { evaluations in
        ConvergenceReport.HeldOut(
          rows: trainer.sampler.heldOut.count, evaluations: evaluations.count,
          best: evaluations.best.map { .init(step: $0.step, loss: $0.loss) },
          last: evaluations.last.map { .init(step: $0.step, loss: $0.loss) },
          bestFile: evaluations.bestFile?.step)
      })
  }

  /// The share of steps that were spikes, as rank 0 counted them.
  private var spikeScore: ConvergenceReport.SpikeScore? {
    history.spikes.map { counts in
      func share(_ name: String) -> Double? { counts.first { $0.name == name }?.share }
      return ConvergenceReport.SpikeScore(
        loss: share("loss"), norm: share("norm"), window: experiment.report.spikeWindow,
        deviations: experiment.report.spikeDeviations)
    }
  }
}
