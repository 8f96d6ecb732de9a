import Recording

/// The table of a model's layers, as `lockstep run --dry-run` shows it: what each makes of a sample,
/// how many parameters it has, and its multiply-adds of a sample, forward and backward.
public enum LayerTable {
  /// Lines without line ends; none where nothing is known of the model.
  public static func lines(_ experiment: ExperimentDescription, style: TextStyle = .plain)
    -> [String]
  {
    guard let layers = experiment.layers, !layers.isEmpty else { return [] }
    let knowsKinds = layers.contains { !$0.kind.isEmpty }
    let head =
      knowsKinds
      ? ["layer", "kind", "result", "parameters", "multiply-adds"] : ["layer", "parameters"]
    func row(_ name: String, _ kind: String, _ result: String, _ parameters: Int, _ adds: Int?)
      -> [String]
    {
      let count = NumberFormat.grouped(parameters)
      return knowsKinds
        ? [name, kind, result, count, adds.map(NumberFormat.grouped) ?? ""] : [name, count]
    }
    let rows = layers.map {
      row(
        PlainText.sanitized($0.path, limit: 80), $0.kind, $0.result, $0.parameters, $0.multiplyAdds)
    }
    let adds = layers.compactMap(\.multiplyAdds).reduce(0, +)
    let total = row(
      "all", "", "", layers.reduce(0) { $0 + $1.parameters }, knowsKinds ? adds : nil)
    return TextColumns.lines([head] + rows + [total], style: style) { $0 < (knowsKinds ? 3 : 1) }
      .map(\.trimmingEnd)
  }
}
