import ExperimentKeys

/// Keys of a section that are read together: those that every experiment has, or those of one of a
/// key's choices.
struct KeyGroup {
  var section: String
  /// The choice; nil for the keys that every experiment has.
  var condition: KeyDeclaration.Condition?
  /// What the choice stands for.
  var summary = ""
  var keys: [KeyDeclaration]

  /// All declarations, in their order; every choice that a sentence describes has a group, though
  /// it may have no keys.
  static func groups(_ declarations: [KeyDeclaration]) -> [KeyGroup] {
    var sections: [String] = []
    for declaration in declarations where !sections.contains(declaration.section) {
      sections.append(declaration.section)
    }
    return sections.flatMap { section in
      let all = declarations.filter { $0.section == section }
      let always = all.filter(\.conditions.isEmpty)
      let chosen = always.flatMap { key in
        key.choices.compactMap { choice -> KeyGroup? in
          let condition = KeyDeclaration.Condition(key.path, choice.name)
          let keys = all.filter { $0.conditions.first == condition }
          if keys.isEmpty && choice.summary.isEmpty { return nil }
          return KeyGroup(
            section: section, condition: condition, summary: choice.summary, keys: keys)
        }
      }
      return [KeyGroup(section: section, keys: always)] + chosen
    }
  }
}

extension KeyDeclaration {
  /// What within its group has to be chosen as well, as TOML: `initialization = "normal"`.
  var innerConditions: [String] {
    conditions.dropFirst().map { condition in
      let key = condition.key.dropFirst(section.isEmpty ? 0 : section.count + 1)
      return "\(key) = \(tomlString(condition.name))"
    }
  }

  /// The help without marks, for a terminal or a comment.
  var plainHelp: String { help.replacing("`", with: "") }
}
