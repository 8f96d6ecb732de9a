import ExperimentKeys
import Files
import Recording

/// A new experiment file with comments, as `lockstep init` writes it.
public enum InitText {
  /// The sections that say what is trained, on what and how; the keys of others are comments.
  private static let mainSections: Set<String> = ["", "model", "data", "training", "optimizer"]

  /// The experiment with a kind of model and the data that suit it, as TOML: every key that it may
  /// have, with its default and its meaning. It resolves to what an empty file with these two kinds
  /// resolves to.
  ///
  /// - Parameters:
  ///   - kind: of `model.kind`; nil for the default.
  ///   - declarations: the keys that the worker declares.
  /// - Throws: in one line, with the nearest name, where there is no such kind.
  public static func experiment(kind: String? = nil, _ declarations: [KeyDeclaration])
    throws(ExperimentError) -> String
  {
    var chosen: [String: String] = [:]
    if let kind {
      let kinds = declarations.first { $0.path == "model.kind" }?.choices ?? []
      guard let choice = kinds.first(where: { $0.name == kind }) else {
        let names = kinds.map(\.name)
        let advice =
          nearest(kind, among: names).map { "did you mean \($0)?" }
          ?? "known: \(names.joined(separator: ", "))"
        throw ExperimentError("no kind of model \(PlainText.sanitized(kind)); \(advice)")
      }
      chosen["model.kind"] = kind
      for other in choice.suits { chosen[other.key] = other.name }
    }
    var sections: [(name: String, lines: [String])] = []
    for key in declarations where !key.key.contains("[]") {
      guard key.conditions.allSatisfy({ chosen[$0.key] == $0.name }) else { continue }
      if !key.choices.isEmpty && chosen[key.path] == nil {
        chosen[key.path] = key.choices.first { tomlString($0.name) == key.defaultValue }?.name
      }
      if sections.last?.name != key.section { sections.append((key.section, [])) }
      sections[sections.count - 1].lines += lines(key, chosen: chosen[key.path])
    }
    return introduction
      + sections.map { section in
        (["", section.name.isEmpty ? nil : "[\(section.name)]"].compactMap { $0 } + section.lines)
          .map { $0 + "\n" }.joined()
      }.joined()
  }

  private static let introduction = """
    # An experiment. Run it on two ranks with: lockstep run FILE -n 2
    # Every value here is the default. A key after a # is not set: remove the # to set it.
    # What else there is: lockstep keys. All about one key: lockstep keys training.overlap.

    """

  private static func lines(_ key: KeyDeclaration, chosen: String?) -> [String] {
    let value = chosen.map(tomlString) ?? key.defaultValue ?? (key.isNeeded ? key.example : nil)
    // What has no default says in words what it takes; so does a choice.
    let bounds = value == nil || !key.choices.isEmpty ? " (\(key.bounds))" : ""
    let isSet = value != nil && mainSections.contains(key.section)
    // Of a long help the first sentence: `lockstep keys` has the rest.
    let help = key.plainHelp.split(separator: ". ").first.map(String.init) ?? ""
    return WrappedText.lines(
      help + bounds, indent: 0, hanging: 0, width: TextStyle.plainWidth - 2
    ).map { "# " + $0 } + ["\(isSet ? "" : "#")\(key.key) = \(value ?? "…")"]
  }
}
