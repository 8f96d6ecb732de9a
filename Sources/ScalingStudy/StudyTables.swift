import Recording
import Scaling

/// A table of a study, as terminal and page show it.
struct StudyTable {
  var title = ""
  var columns: [String]
  var rows: [[String]]
  /// What there is to say below it.
  var notes: [String]
}

extension Study {
  /// `NAME: strong scaling`, `NAME: ranks × threads on 4 cores`.
  var title: String {
    let kind =
      plan.cores.map { "ranks × threads on \(NumberFormat.counted($0, "core"))" }
      ?? "\(plan.mode.rawValue) scaling"
      + (plan.threads.map { ", \(NumberFormat.counted($0, "thread")) a rank" } ?? "")
    return "\(PlainText.sanitized(name, limit: 60)): \(kind)"
  }

  /// What was measured and how, in a line.
  var headline: String {
    let kind =
      plan.mode == .strong
      ? "\(NumberFormat.grouped(base.globalBatch)) samples a step"
      : "\(NumberFormat.grouped(base.globalBatch / base.ranks)) samples a rank and step"
    return
      "\(kind), \(NumberFormat.counted(plan.repeats, "repeat")), \(NumberFormat.counted(plan.warmUp, "step")) of warm-up left out"
  }

  /// The machines: their names, the first one's processor, and how many of its cores a run may use.
  var machines: String {
    let runs = counts.flatMap(\.runs)
    var hosts: [String] = []
    for host in runs.flatMap(\.hosts) where !hosts.contains(host) { hosts.append(host) }
    let cores = runs.map(\.cores).max() ?? 0
    return
      "\(hosts.map { PlainText.sanitized($0, limit: 40) }.joined(separator: ", ")): \(PlainText.sanitized(runs[0].cpu, limit: 60)), "
      + NumberFormat.counted(cores, "core")
  }

  var measured: StudyTable {
    plan.cores == nil ? measuredRanks : measuredDivisions
  }

  private var measuredRanks: StudyTable {
    let rows = counts.map { count in
      func mean(_ phase: Phase) -> String { NumberFormat.formatted(count.mean(phase) * 1e3) }
      return [
        String(count.ranks), NumberFormat.grouped(count.globalBatch),
        NumberFormat.formatted(count.step.median * 1e3),
        NumberFormat.formatted(count.step.range * 1e3),
        NumberFormat.rate(count.samplesPerSecond), NumberFormat.fixed(speedUp(count), decimals: 2),
        NumberFormat.percent(efficiency(count)),
        mean(.compute), mean(.reduce), mean(.norm),
        NumberFormat.formatted((count.waiting.max() ?? 0) * 1e3),
        count.isOversubscribed ? "oversubscribed" : "",
      ]
    }
    let notes =
      [Self.columnNote] + (takingNote.map { ["\($0); no fit looks at these"] } ?? [])
    return StudyTable(
      columns: [
        "ranks", "batch", "step ms", "IQR", "samples/s", "speed-up", "efficiency", "compute",
        "reduce", "norm", "wait", "",
      ],
      rows: rows, notes: notes)
  }

  /// What was fitted: a name, a sentence, and how far it may be relied on, each.
  var models: [StudyModel] {
    if plan.cores != nil { return [] }
    var lines = laws.map { fitted in
      let numbers = fitted.fit.map { fit in
        zip(fit.law.coefficientNames, fit.coefficients).map { name, estimate in
          let interval = estimate.interval().map {
            ", 95 %: \(NumberFormat.formatted($0.lowerBound)) to \(NumberFormat.formatted($0.upperBound))"
          }
          return "\(name) = \(NumberFormat.formatted(estimate.value))\(interval ?? "")"
        }.joined(separator: "; ")
          + (fitted.peak.map { "; fastest at \(NumberFormat.rate($0)) ranks" } ?? "")
      }
      return StudyModel(fitted.law.name, numbers, fitted.evidence)
    }
    if let exchange {
      let link = exchange.bandwidth.map { "β = 1/(\(Link.text(bytesPerSecond: $0))), " } ?? ""
      let network =
        exchange.networkLatency > 0
        ? "α = \(Link.text(seconds: exchange.networkLatency)) a round between hosts, " : ""
      lines.append(
        StudyModel(
          "exchange",
          "\(network)α′ = \(Link.text(seconds: exchange.localLatency)) a round within one, \(link)"
            + "γ = \(NumberFormat.formatted(exchange.touching * 1e9)) ns a byte taken in"
        ))
    }
    if let steps {
      lines.append(
        StudyModel(
          "a rank",
          "\(NumberFormat.formatted(steps.fixed * 1e3)) ms + \(NumberFormat.formatted(steps.perSample * 1e6)) µs a sample by itself"
        ))
    }
    let pairs = heldOut.compactMap { point in
      point.predicted.map {
        "\(NumberFormat.counted(point.ranks, "rank")) \(NumberFormat.formatted($0 * 1e3)) ms predicted, \(NumberFormat.formatted(point.measured * 1e3)) measured"
      }
    }
    lines.append(
      StudyModel("a step", pairs.isEmpty ? nil : pairs.joined(separator: "; "), evidence))
    return lines
  }

  /// What it takes to get to the target loss.
  var toTarget: StudyTable? {
    guard let efficiency else { return nil }
    let rows = efficiency.rows.map { row in
      [
        String(row.ranks) + (row.isOversubscribed ? "*" : ""),
        NumberFormat.grouped(row.globalBatch), NumberFormat.rate(row.steps),
        NumberFormat.rate(row.forecast), NumberFormat.rate(row.samples),
        NumberFormat.formatted(row.seconds), NumberFormat.formatted(row.rankSeconds),
      ]
    }
    let critical =
      efficiency.fitted.map { "; fitted to the steps \(NumberFormat.rate($0.batch))" } ?? ""
    let best = [
      ("time", efficiency.best({ $0.seconds }, isTime: true)),
      ("samples", efficiency.best({ $0.samples }, isTime: false)),
      ("cost", efficiency.best({ $0.rankSeconds }, isTime: true)),
    ].compactMap { name, row in row.map { "\(NumberFormat.counted($0.ranks, "rank")) in \(name)" } }
    return StudyTable(
      title: "to a loss of \(NumberFormat.formatted(efficiency.targetLoss))",
      columns: ["ranks", "batch", "steps", "forecast", "samples", "seconds", "rank-seconds"],
      rows: rows,
      notes: [
        "critical batch: the noise scale says \(NumberFormat.rate(efficiency.noiseScale))\(critical)",
        best.isEmpty ? "no rank count reached it" : "best: \(best.joined(separator: ", "))",
      ])
  }

  /// What other machines would take: no table where nothing supports one.
  var predicted: StudyTable? {
    guard !predictions.isEmpty else { return nil }
    let rows = predictions.map { p in
      [
        NumberFormat.grouped(p.ranks), NumberFormat.grouped(p.hosts),
        NumberFormat.grouped(p.globalBatch), NumberFormat.formatted(p.flat * 1e3),
        NumberFormat.formatted(p.hierarchical.map { $0 * 1e3 }),
        NumberFormat.percent(p.exchangeShare), NumberFormat.rate(p.speedUp),
        NumberFormat.percent(p.efficiency),
      ]
    }
    let assumed =
      cluster.assumptions.isEmpty
      ? "" : " (assumed: \(cluster.assumptions.joined(separator: ", ")))"
    var notes =
      evidence.verdict == .weak
      ? ["do not rely on this: \(evidence.reasons.joined(separator: "; "))"] : []
    let largest = sound.last?.ranks ?? 1
    if let most = predictions.map(\.ranks).max(), most > 8 * largest {
      notes.append(
        "\(NumberFormat.grouped(most)) ranks are \(NumberFormat.grouped(most / largest)) times the most that were measured"
      )
    }
    return StudyTable(
      title: "predicted for \(NumberFormat.counted(cluster.ranksPerHost, "rank")) a host, links of "
        + "\(Link.text(bytesPerSecond: cluster.bandwidth)) and \(Link.text(seconds: cluster.latency))\(assumed)",
      columns: [
        "ranks", "hosts", "batch", "flat ms", "hierarchical ms", "exchange", "speed-up",
        "efficiency",
      ], rows: rows, notes: notes)
  }
}

/// A fitted model as text and page show it.
struct StudyModel {
  var name: String
  var text: String

  /// `numbers` are shown unless the evidence supports nothing; what is weak says so first.
  init(_ name: String, _ numbers: String?, _ evidence: Evidence? = nil) {
    self.name = name
    guard let evidence else {
      text = numbers ?? ""
      return
    }
    let error = evidence.heldOutError.map {
      "; left out and predicted: \(NumberFormat.counted(evidence.heldOutCount, "rank count")), median error \(NumberFormat.percent($0))"
    }
    let why = evidence.reasons.joined(separator: "; ")
    text =
      switch evidence.verdict {
      case .usable: (numbers ?? "") + (error ?? "")
      case .weak: "do not rely on this (\(why)): " + (numbers ?? "") + (error ?? "")
      case .none: "not supported: \(why)" + (numbers.map { " (\($0))" } ?? "")
      }
  }
}

extension ScalingLaw {
  var name: String {
    switch self {
    case .amdahl: "Amdahl"
    case .gustafson: "Gustafson"
    case .usl: "USL"
    }
  }
}

extension FittedLaw {
  /// The rank count past which more are slower, of a usable fit only: it lies far beyond what was
  /// measured as often as not.
  var peak: Double? { evidence.verdict == .usable ? fit?.peak : nil }
}
