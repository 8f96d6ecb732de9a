import ExperimentKeys

/// The page of all keys, `ConfigurationReference.md`, written from the declarations.
public enum KeyPage {
  public static func markdown(_ declarations: [KeyDeclaration]) -> String {
    introduction
      + KeyGroup.groups(declarations).map { group in
        "\n" + heading(group) + (group.keys.isEmpty ? "" : "\n" + table(group.keys))
      }.joined()
  }

  private static let introduction = """
    # Keys of an experiment

    Every key that an experiment file can have, with its default, the values that it takes, and its meaning.

    An experiment is a TOML file. Unknown keys and wrong types are errors that name the line and the nearest key. One line switches the model, the
    data, the optimiser or the clip: keys that belong to another kind than the one chosen are passed over with a note. The run directory's
    `experiment.toml` has every default filled in. On the command line `--set section.key=value` overrides a key, of `run`, `scale`, `verify` and
    `lockstep-worker`; `--set section.list[2].key=value` overrides a key of the third table in a list. A path is relative to the experiment file's folder, or, in `--set`, to the working directory.

    A dash as the default means that the key may be left out and has no value then. This page is written from the calls that read the keys:
    `LOCKSTEP_WRITE_KEYS=1 swift test --filter ExperimentPageTests` writes it anew.

    """

  private struct Section {
    var title: String
    var note = ""
  }

  private static let sections = [
    "": Section(title: "The run"),
    "model": Section(title: "The model"),
    "data": Section(title: "The data"),
    "training": Section(title: "Training"),
    "optimizer": Section(title: "The optimiser"),
    "schedule": Section(
      title: "The schedule",
      note: """
        A step that is skipped advances the schedule, and records the rate that it would have had. With a growing batch, progress is measured in what the
        run's length is given in: a length in steps by steps, one in epochs by samples, so that the last step of the run, and only that, has the final rate.
        With `batch = "critical"` it is samples in both: so many steps of the global batch, in fewer and larger ones.
        """),
    "clip": Section(
      title: "The clip",
      note: """
        A norm of 0 enters the memory of no rule, so that gradients that are 0 for a while, at the start or later, hold no limit at 0.
        """),
    "regularization": Section(title: "Regularization"),
    "guard": Section(title: "Guards"),
    "stop": Section(title: "Stopping"),
    "evaluation": Section(
      title: "Evaluation",
      note: """
        Which rows are held out is a function of the seed, the number of training rows and `split`. A `csv` with `data.standardize` takes mean and
        deviation over all training rows, those held out here among them.
        """),
    "report": Section(title: "Records"),
    "checkpoint": Section(title: "Checkpoints"),
  ]

  private static func heading(_ group: KeyGroup) -> String {
    guard let condition = group.condition else {
      let section = sections[group.section] ?? Section(title: "[\(group.section)]")
      return "## \(section.title)\n" + (section.note.isEmpty ? "" : "\n\(section.note)\n")
    }
    let text = [group.summary, group.keys.isEmpty ? "It has no keys." : ""].filter { !$0.isEmpty }
    return "### \(condition.key): \(condition.name)\n"
      + (text.isEmpty ? "" : "\n\(text.joined(separator: " "))\n")
  }

  private static func table(_ keys: [KeyDeclaration]) -> String {
    "| key | default | values | meaning |\n|---|---|---|---|\n"
      + keys.map { key in
        let cells = ["`\(key.path)`", fallback(key), values(key), meaning(key)]
        return "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |\n"
      }.joined()
  }

  private static func fallback(_ key: KeyDeclaration) -> String {
    if let value = key.defaultValue { return "`\(value)`" }
    guard key.isNeeded else { return "–" }
    return "needed" + (key.example.map { ", such as `\($0)`" } ?? "")
  }

  /// What the key takes, without the article.
  private static func values(_ key: KeyDeclaration) -> String {
    guard key.choices.isEmpty else {
      return key.choices.map { "`\"\($0.name)\"`" }.joined(separator: ", ")
    }
    let article = ["a ", "an "].first { key.bounds.hasPrefix($0) } ?? ""
    return String(key.bounds.dropFirst(article.count))
  }

  private static func meaning(_ key: KeyDeclaration) -> String {
    let conditions = key.innerConditions.map { "`\($0)`" }
    return (conditions.isEmpty ? "" : "with \(conditions.joined(separator: ", ")): ") + key.help
  }
}
