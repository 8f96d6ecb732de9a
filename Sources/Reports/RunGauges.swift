import GradientNorms
import Recording

/// What is known of a running job, as Prometheus scrapes it: text exposition format 0.0.4.
public struct RunGauges: Sendable, Equatable {
  public var experiment: String
  public var directory: String
  public var restarts = 0
  private var started: WorkerEvent.Started?
  private var progress: WorkerEvent.Progress?
  private var heldOut: EvaluationRecord?
  private var evaluation: (loss: Double?, score: NamedNumber?)?
  private var verdict: ConvergenceReport.Verdict?

  public init(experiment: String, directory: String) {
    (self.experiment, self.directory) = (experiment, directory)
  }

  public static func == (left: RunGauges, right: RunGauges) -> Bool { left.text == right.text }

  /// Takes in what the workers report.
  public mutating func take(_ event: WorkerEvent) {
    switch event {
    case .started(let started): self.started = started
    case .progress(let progress): self.progress = progress
    case .heldOut(let record): heldOut = record
    case .evaluation(let loss, let score): evaluation = (loss, score)
    case .report(let report): verdict = report.verdict
    case .message, .stall: break
    }
  }

  /// The scrape's text.
  public var text: String {
    var page = ""
    // A name that comes twice would spoil the whole scrape.
    var known: Set<String> = []
    func metric(
      _ name: String, _ help: String, kind: String = "gauge", labels: [(String, String)] = [],
      _ value: Double?
    ) {
      guard let value, known.insert(name).inserted else { return }
      page += "# HELP lockstep_\(name) \(help)\n# TYPE lockstep_\(name) \(kind)\nlockstep_\(name)"
      if !labels.isEmpty {
        page +=
          "{" + labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",") + "}"
      }
      page += " \(Self.number(value))\n"
    }
    metric(
      "run_info", "The run that is watched.",
      labels: [("experiment", experiment), ("directory", directory), ("version", Release.version)],
      1)
    metric(
      "restarts_total", "How often the workers were started again.", kind: "counter",
      Double(restarts))
    if let started {
      metric("ranks", "Ranks that train.", Double(started.ranks))
      metric("parameters", "Parameters of the model.", Double(started.parameters))
      metric("dataset_samples", "Samples of the training data.", Double(started.samples))
    }
    if let progress {
      metric("step", "Steps done.", Double(progress.step))
      metric("steps_planned", "Steps that the run will take.", Double(progress.steps))
      let declared = Metrics.ofRecord.map(\.declaration) + (started?.metrics ?? [])
      for declaration in declared {
        guard let gauge = declaration.gauge else { continue }
        metric(gauge, declaration.help, progress[metric: declaration.name])
      }
      metric("clipped_ratio", "Share of the steps that were clipped.", progress.clippedFraction)
      metric(
        "skipped_steps_total", "Steps that were skipped.", kind: "counter", Double(progress.skipped)
      )
      metric("samples_per_second", "Samples a second over all ranks.", progress.samplesPerSecond)
      metric("seconds_left", "Seconds that the run will still take.", progress.secondsLeft)
    }
    if let heldOut {
      metric("held_out_step", "The step that was last evaluated.", Double(heldOut.step))
      metric(
        "held_out_loss", "Loss on the training rows that are held out.", heldOut.scores.loss)
      if let score = heldOut.scores.score {
        metric(
          "held_out_score", "Score on the training rows that are held out.",
          labels: [("name", score.name)], score.value ?? .nan)
      }
    }
    if let evaluation {
      metric("evaluation_loss", "Loss on held-out data.", evaluation.loss ?? .nan)
      if let score = evaluation.score {
        metric(
          "evaluation_score", "Score on held-out data.", labels: [("name", score.name)],
          score.value ?? .nan)
      }
    }
    if let verdict {
      metric("verdict_info", "How the run went.", labels: [("verdict", verdict.rawValue)], 1)
    }
    return page
  }

  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
    return value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : value.description
  }

  /// A label's value: backslash, quote and line end are escaped.
  private static func escaped(_ text: String) -> String {
    var result = ""
    for character in text.unicodeScalars {
      switch character {
      case "\\": result += "\\\\"
      case "\"": result += "\\\""
      case "\n": result += "\\n"
      default: result.unicodeScalars.append(character)
      }
    }
    return result
  }
}

extension WorkerEvent.Progress {
  /// What the event knows of a metric. A loss or a norm that is not finite is NaN, not missing.
  fileprivate subscript(metric name: String) -> Double? {
    switch name {
    case "epoch": epoch
    case "loss": loss ?? .nan
    case "norm.global": norm ?? .nan
    case "norm.coefficient": coefficient
    case "learning_rate": learningRate
    case "noise.scale": noiseScale
    default: metrics?[name]
    }
  }
}
