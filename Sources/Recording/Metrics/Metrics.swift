import ExperimentKeys

/// The metrics that rank 0 computes as it records a step, besides what a record has by itself
/// (`ofRecord`).
public enum Metrics: KindList {
  public static let noun = "metric"
  /// One line adds a metric.
  public static let builtIn: [any Metric] = [
    SpikeScore(of: "loss") { $0.loss },
    SpikeScore(of: "norm") { $0.norm.global },
  ]
  public static func choice(of metric: any Metric) -> KeyDeclaration.Choice {
    KeyDeclaration.Choice(metric.declaration.name, metric.declaration.help)
  }

  /// All that can be read from the records of a run: what each has by itself, and the metrics that
  /// were declared for them.
  package static func inRecords(with declared: [MetricDeclaration]) -> [any Metric] {
    ofRecord
      + declared.map { declaration in
        StepMetric(declaration) { $0[metric: declaration.name] }
      }
  }
}

extension Registry {
  /// Adds a metric to the runs that this is given to. Traps where its name cannot be a field.
  public mutating func register(_ metric: some Metric) {
    let others = Metrics.ofRecord + all(Metrics.self)
    if let problem = metric.declaration.problem(among: others.map(\.declaration)) {
      fatalError("a metric cannot be registered: \(problem)")
    }
    add(metric, to: Metrics.self)
  }
}

/// The metrics of a run, computed step by step.
public struct ComputedMetrics: Sendable {
  var metrics: [any Metric]
  public let declarations: [MetricDeclaration]

  public init(_ metrics: [any Metric]) {
    // The fields of one object follow one another.
    let groups = metrics.map(\.declaration.group)
    let places = metrics.indices.sorted { left, right in
      let (a, b) = (groups.firstIndex(of: groups[left])!, groups.firstIndex(of: groups[right])!)
      return a == b ? left < right : a < b
    }
    self.metrics = places.map { metrics[$0] }
    declarations = self.metrics.map(\.declaration)
  }

  /// Puts the metrics' values of a step into its record. Called once a step, in their order.
  public mutating func complete(_ record: inout StepRecord) {
    guard !metrics.isEmpty else { return }
    record.metrics = []
    record.metrics = declarations.indices.map { index in
      NamedNumber(declarations[index].name, metrics[index].value(of: record))
    }
  }

  /// Takes in the steps that a run recorded before it was interrupted, as many as any of the
  /// metrics depends on. Costs the reading of so many lines.
  public mutating func resume(from path: String) throws(RunFileError) {
    let memory = metrics.map(\.memory).max() ?? 0
    guard memory > 0 else { return }
    for record in try StepRecord.last(taken: memory, of: path) {
      var record = record
      complete(&record)
    }
  }
}
