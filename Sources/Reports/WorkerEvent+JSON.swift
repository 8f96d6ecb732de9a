import Files
import FoundationEssentials
import Recording

extension WorkerEvent: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      switch self {
      case .started(let started):
        $0.field("event", "started")
        $0.field("ranks", started.ranks)
        $0.field("hosts", started.hosts)
        $0.field("steps", started.steps)
        $0.field("parameters", started.parameters)
        $0.field("samples", started.samples)
        $0.field("experiment", started.experiment)
        $0.field("directory", started.directory)
        $0.field("notes", started.notes)
        if let threads = started.threads { $0.field("threads", threads) }
        if let metrics = started.metrics { $0.field("metrics", metrics) }
      case .progress(let progress):
        $0.field("event", "progress")
        $0.field("step", progress.step)
        $0.field("steps", progress.steps)
        $0.field("epoch", progress.epoch)
        $0.field("loss", progress.loss)
        $0.field("norm", progress.norm)
        $0.field("clipped_fraction", progress.clippedFraction)
        $0.field("samples_per_second", progress.samplesPerSecond)
        $0.field("seconds_left", progress.secondsLeft)
        $0.field("skipped", progress.skipped)
        if let coefficient = progress.coefficient { $0.field("coefficient", coefficient) }
        if let learningRate = progress.learningRate { $0.field("learning_rate", learningRate) }
        if let noiseScale = progress.noiseScale { $0.field("noise_scale", noiseScale) }
        if let loss = progress.heldOutLoss { $0.field("held_out_loss", loss) }
        if let metrics = progress.metrics {
          let sorted = metrics.sorted { $0.key < $1.key }
          $0.field("metrics", object: sorted.map { NamedNumber($0.key, $0.value) })
        }
      case .message(let level, let text):
        $0.field("event", "message")
        $0.field("level", level.rawValue)
        $0.field("text", text)
      case .heldOut(let record):
        $0.field("event", "held-out")
        record.writeFields(to: &$0)
      case .evaluation(let loss, let score):
        $0.field("event", "evaluation")
        $0.field("loss", loss)
        if let score { $0.field("score", object: [score]) }
      case .stall(let stall):
        $0.field("event", "stall")
        $0.field("state", stall.state.rawValue)
        $0.field("text", stall.text)
      case .report(let report):
        $0.field("event", "report")
        $0.field("report", report)
      }
    }
  }
}

extension WorkerEvent: Decodable {
  /// The event on a line of a worker's standard output, or nil when the line is something else:
  /// text that a library printed, say.
  public init?(line: [UInt8]) {
    guard line.first == UInt8(ascii: "{"), line.count <= Self.lineLimit,
      let event = try? JSONDecoder().decode(WorkerEvent.self, from: Data(line)),
      impossibleCount(in: event) == nil
    else { return nil }
    self = event
  }

  private enum Key: String, CodingKey {
    case event, level, text, loss, score, report
  }

  private enum Kind: String, Decodable {
    case started, progress, message, evaluation, report, stall
    case heldOut = "held-out"
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Key.self)
    switch try fields.decode(Kind.self, forKey: .event) {
    case .started: self = .started(try Started(from: decoder))
    case .progress: self = .progress(try Progress(from: decoder))
    case .message:
      self = .message(
        level: try fields.decode(Level.self, forKey: .level),
        text: try fields.decode(String.self, forKey: .text))
    case .heldOut: self = .heldOut(try EvaluationRecord(from: decoder))
    case .evaluation:
      self = .evaluation(
        loss: try fields.decodeIfPresent(Double.self, forKey: .loss),
        score: fields.contains(.score)
          ? try NamedNumber.list(from: fields.superDecoder(forKey: .score)).first : nil)
    case .stall: self = .stall(try Stall(from: decoder))
    case .report: self = .report(try fields.decode(ConvergenceReport.self, forKey: .report))
    }
  }
}
