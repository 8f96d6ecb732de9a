import Reports
import Scaling

/// A scaling study as text for a terminal.
public struct StudyText {
  private let study: Study

  public init(_ study: Study) { self.study = study }

  /// All of it, with a line end after its last line.
  public var text: String {
    let blocks = [head, measured, laws, efficiency, predictions].filter { !$0.isEmpty }
    return blocks.map { $0.joined(separator: "\n") + "\n" }.joined(separator: "\n")
  }

  private var plan: StudyPlan { study.plan }

  private var head: [String] {
    let kind =
      plan.mode == .strong
      ? "strong scaling, \(Figures.grouped(study.base.globalBatch)) samples a step"
      : "weak scaling, \(Figures.grouped(study.base.globalBatch / study.base.ranks)) samples a rank and step"
    let repeats = Figures.counted(plan.repeats, "repeat")
    var lines = [
      "\(PlainText.line(study.name, limit: 60)): \(kind), \(repeats), \(Figures.counted(plan.warmUp, "step")) of warm-up left out"
    ]
    if let simulation = plan.simulation { lines.append("simulated: \(PlainText.line(simulation))") }
    return lines
  }

  private var measured: [String] {
    let title = ["ranks", "batch", "step ms", "IQR", "samples/s", "speed-up", "efficiency", "compute", "reduce", "norm", "wait", ""]
    let rows = study.counts.map { count in
      let parts = count.parts
      func mean(_ value: (TimeShare) -> Double) -> String { Figures.short(parts.map(value).reduce(0, +) / Double(parts.count) * 1e3) }
      return [
        String(count.ranks), Figures.grouped(count.globalBatch), Figures.short(count.step.median * 1e3),
        Figures.short(count.step.range * 1e3),
        Figures.rate(count.samplesPerSecond), Figures.fixed(study.speedUp(count), decimals: 2), Figures.percent(study.efficiency(count)),
        mean { $0.compute }, mean { $0.reduce }, mean { $0.norm }, Figures.short((count.waiting.max() ?? 0) * 1e3),
        count.isOversubscribed ? "oversubscribed" : "",
      ]
    }
    var lines = TextColumns.lines([title] + rows) { $0 == 11 }.map { $0.trimmingEnd }
    lines.append("compute, reduce, norm: ms of a mean step, over ranks; wait: of the rank that waits most")
    if study.counts.contains(where: \.isOversubscribed) {
      lines.append("oversubscribed: ranks take turns on the cores, which says nothing about scaling; no fit looks at these")
    }
    return lines
  }

  private var laws: [String] {
    var lines = study.fits.map { fit in
      let numbers = zip(fit.law.coefficientNames, fit.coefficients).map { name, estimate in
        let interval =
          estimate.interval().map { ", 95 %: \(Figures.short($0.lowerBound)) to \(Figures.short($0.upperBound))" }
          ?? ", no interval: no points to spare"
        return "\(name) = \(Figures.short(estimate.value))\(interval)"
      }
      let peak = fit.peak.map { "; fastest at \(Figures.rate($0)) ranks" } ?? ""
      return "\(fit.law.title)  \(numbers.joined(separator: "; "))\(peak)"
    }
    if let exchange = study.exchange {
      let link = exchange.bandwidth.map { "β = 1/(\(Link.text(bytesPerSecond: $0))), " } ?? ""
      let network = exchange.networkLatency > 0 ? "α = \(Link.text(seconds: exchange.networkLatency)) a round between hosts, " : ""
      lines.append(
        "exchange   \(network)α′ = \(Link.text(seconds: exchange.localLatency)) a round within one, \(link)"
          + "γ = \(Figures.short(exchange.touching * 1e9)) ns a byte taken in")
    }
    if let steps = study.steps {
      lines.append("a rank     \(Figures.short(steps.fixed * 1e3)) ms + \(Figures.short(steps.perSample * 1e6)) µs a sample by itself")
    }
    let told = study.heldOut.compactMap { point in
      point.predicted.map { "\(point.ranks): \(Figures.short($0 * 1e3)) ms for \(Figures.short(point.measured * 1e3))" }
    }
    if let error = study.heldOutError {
      lines.append("held out   \(told.joined(separator: "; ")); median error \(Figures.percent(error))")
    } else if study.steps != nil {
      lines.append("held out   no rank count can be foretold from the others: measure more that are not oversubscribed")
    }
    return lines
  }

  private var efficiency: [String] {
    guard let efficiency = study.efficiency else { return [] }
    let title = ["ranks", "batch", "steps", "forecast", "samples", "seconds", "rank-seconds"]
    let rows = efficiency.rows.map { row in
      [
        String(row.ranks) + (row.isOversubscribed ? "*" : ""), Figures.grouped(row.globalBatch), Figures.rate(row.steps),
        Figures.rate(row.forecast), Figures.rate(row.samples),
        Figures.short(row.seconds), Figures.short(row.rankSeconds),
      ]
    }
    var lines = ["to a loss of \(Figures.short(efficiency.targetLoss)):"] + TextColumns.lines([title] + rows) { _ in false }
    let critical = efficiency.fitted.map { "; fitted to the steps \(Figures.rate($0.batch))" } ?? ""
    lines.append("critical batch: the noise scale says \(Figures.rate(efficiency.noiseScale))\(critical)")
    let best = [
      ("time", efficiency.best({ $0.seconds }, isTime: true)), ("samples", efficiency.best({ $0.samples }, isTime: false)),
      ("cost", efficiency.best({ $0.rankSeconds }, isTime: true)),
    ].compactMap { name, row in row.map { "\(Figures.counted($0.ranks, "rank")) in \(name)" } }
    if best.isEmpty { lines.append("no rank count reached it") } else { lines.append("best: \(best.joined(separator: ", "))") }
    return lines
  }

  private var predictions: [String] {
    guard !study.predictions.isEmpty else { return [] }
    let cluster = study.cluster
    let title = ["ranks", "hosts", "batch", "flat ms", "hierarchical ms", "exchange", "speed-up", "efficiency"]
    let rows = study.predictions.map { p in
      [
        Figures.grouped(p.ranks), Figures.grouped(p.hosts), Figures.grouped(p.globalBatch), Figures.short(p.flat * 1e3),
        Figures.short(p.hierarchical.map { $0 * 1e3 }), Figures.percent(p.exchangeShare), Figures.rate(p.speedUp),
        Figures.percent(p.efficiency),
      ]
    }
    let assumed = cluster.assumptions.isEmpty ? "" : " (assumed: \(cluster.assumptions.joined(separator: ", ")))"
    return [
      "foretold for \(Figures.counted(cluster.ranksPerHost, "rank")) a host, links of \(Link.text(bytesPerSecond: cluster.bandwidth)) and "
        + "\(Link.text(seconds: cluster.latency))\(assumed):"
    ] + TextColumns.lines([title] + rows) { _ in false }
  }
}

extension ScalingLaw {
  /// As wide as the other names that lines begin with.
  var title: String {
    switch self {
    case .amdahl: "Amdahl   "
    case .gustafson: "Gustafson"
    case .usl: "USL      "
    }
  }
}

extension String {
  fileprivate var trimmingEnd: String {
    var text = self
    while text.last == " " { text.removeLast() }
    return text
  }
}
