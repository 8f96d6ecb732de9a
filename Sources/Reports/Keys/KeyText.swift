import ExperimentKeys
import Files
import Recording

/// Keys for people at a terminal, as `lockstep keys` lists them.
public enum KeyText {
  /// The keys of a section, such as `model`; of a choice, such as `model.kind=mlp`; one key, such as
  /// `clip.max_norm`, under every choice that has it; or all.
  /// - Throws: in one line, with the nearest name, where there is no such section, choice or key.
  public static func text(
    _ declarations: [KeyDeclaration], section: String? = nil, style: TextStyle
  ) throws(ExperimentError) -> String {
    try groups(declarations, section).map { group in
      (heading(group, style) + group.keys.flatMap { lines($0, style) }).map { $0 + "\n" }.joined()
    }.joined(separator: "\n")
  }

  /// The keys that ``text(_:section:style:)`` shows.
  public static func chosen(_ declarations: [KeyDeclaration], section: String?)
    throws(ExperimentError) -> [KeyDeclaration]
  {
    try groups(declarations, section).flatMap(\.keys)
  }

  private static func groups(_ declarations: [KeyDeclaration], _ section: String?)
    throws(ExperimentError) -> [KeyGroup]
  {
    let groups = KeyGroup.groups(declarations)
    guard let section else { return groups }
    return try part(section, of: groups)
  }

  private static func part(_ name: String, of groups: [KeyGroup]) throws(ExperimentError)
    -> [KeyGroup]
  {
    let name = name.filter { $0 != "\"" && $0 != " " }
    let section = groups.filter { !name.isEmpty && $0.section == name }
    if !section.isEmpty { return section }
    let narrowed = groups.compactMap { group -> KeyGroup? in
      if group.condition.map(text) == name { return group }
      var group = group
      group.keys = group.keys.filter { key in
        key.path == name || key.conditions.contains { text($0) == name }
      }
      return group.keys.isEmpty ? nil : group
    }
    guard narrowed.isEmpty else { return narrowed }
    let keys = groups.flatMap(\.keys)
    let sections = groups.map(\.section).filter { !$0.isEmpty }
    let choices = keys.flatMap { key in key.choices.map { "\(key.path)=\($0.name)" } }
    let advice =
      if let near = nearest(name, among: sections + keys.map(\.path) + choices) {
        "did you mean \(near)?"
      } else if let key = keys.first(where: { $0.key == name }) {
        "did you mean \(key.path)?"
      } else {
        "the sections are "
          + groups.filter { $0.condition == nil && !$0.section.isEmpty }.map(\.section)
          .joined(separator: ", ")
      }
    throw ExperimentError("no section, choice or key \(PlainText.sanitized(name)); \(advice)")
  }

  private static func text(_ condition: KeyDeclaration.Condition) -> String {
    "\(condition.key)=\(condition.name)"
  }

  private static func heading(_ group: KeyGroup, _ style: TextStyle) -> [String] {
    guard let condition = group.condition else {
      return group.section.isEmpty ? [] : ["[\(group.section)]"]
    }
    let none = group.keys.isEmpty ? " It has no keys." : ""
    let key = condition.key.dropFirst(group.section.isEmpty ? 0 : group.section.count + 1)
    return ["[\(group.section)] with \(key) = \(tomlString(condition.name))"]
      + (group.summary.isEmpty
        ? [] : WrappedText.lines(group.summary + none, indent: 0, hanging: 0, width: style.width))
  }

  /// The key with its default, and under it what it means and takes.
  private static func lines(_ key: KeyDeclaration, _ style: TextStyle) -> [String] {
    let value =
      if let fallback = key.defaultValue {
        " = \(fallback)"
      } else if key.isNeeded {
        key.example.map { " = \($0), for example: the key is needed" } ?? ", which is needed"
      } else {
        ", not set by default"
      }
    let conditions =
      key.innerConditions.isEmpty ? "" : "with \(key.innerConditions.joined(separator: ", ")): "
    let head = "  " + key.key + value
    return
      (head.count <= style.width
      ? [head]
      : WrappedText.lines(key.key + value, indent: 2, hanging: 6, width: style.width))
      + WrappedText.lines(
        "\(conditions)\(key.plainHelp) (\(key.bounds))", indent: 6, hanging: 6, width: style.width)
  }
}
