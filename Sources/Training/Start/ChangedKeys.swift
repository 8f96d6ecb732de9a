import Configuration
import FoundationEssentials
import Recording
import Reports

/// The keys in which two resolved experiments differ, in the order of the new one's file; those
/// that only the old one has come last.
package struct ChangedKeys: Equatable {
  package struct Change: Equatable {
    /// `section.key`.
    package var key: String
    /// As TOML; nil where an experiment does not have the key.
    package var from: String?
    package var to: String?

    package init(key: String, from: String?, to: String?) {
      (self.key, self.from, self.to) = (key, from, to)
    }
  }

  package private(set) var changes: [Change] = []

  /// Both are what ``Experiment/resolved`` gives: a line a key, but a line an entry of a list of
  /// tables.
  package init(from old: String, to new: String) {
    let (before, after) = (Self.keys(of: old), Self.keys(of: new))
    let (was, isNow) = (Dictionary(before) { $1 }, Dictionary(after) { $1 })
    for (key, value) in after where was[key] != value {
      changes.append(Change(key: key, from: was[key], to: value))
    }
    for (key, value) in before where isNow[key] == nil {
      changes.append(Change(key: key, from: value, to: nil))
    }
  }

  /// The old experiment is read once more first, so that a key that it was written without has its
  /// default, and is no change.
  package init(from old: String, to new: Experiment) {
    self.init(
      from: (try? Experiment(text: old, source: "the checkpoint's experiment", overrides: []))?
        .resolved ?? old, to: new.resolved)
  }

  /// The first change after which the samples of the steps to come, or the model, would not be the
  /// run's.
  ///
  /// `sameData` says that the data were found to be the same: then only their place may have
  /// changed. `data.order_seed` is there to change.
  package func refused(sameData: Bool) -> Change? {
    changes.first { change in
      let section = change.key.prefix { $0 != "." }
      if change.key == "data.order_seed" { return false }
      if section == "data" { return !(sameData && change.key.hasSuffix("path")) }
      return section == "model"
        || ["seed", "training.global_batch", "evaluation.split"].contains(change.key)
    }
  }

  /// The first change by which a run may go on where it had ended.
  package var continuation: Change? {
    changes.first {
      ["training.steps", "training.epochs", "evaluation.patience"].contains($0.key)
        || $0.key.hasPrefix("stop.")
    }
  }

  private static func keys(of text: String) -> [(String, String)] {
    var section = ""
    var keys: [(String, String)] = []
    var isInList = false
    for line in text.split(separator: "\n") {
      if isInList {
        isInList = line != "]"
        keys[keys.count - 1].1 += " " + line.drop { $0 == " " }
      } else if line.hasPrefix("["), line.hasSuffix("]") {
        section = line.dropFirst().dropLast() + "."
      } else if let equals = line.firstIndex(of: "=") {
        let value = String(line[line.index(after: equals)...].drop { $0 == " " })
        keys.append((section + line[..<equals].filter { $0 != " " }, value))
        isInList = value == "["
      }
    }
    return keys
  }
}

extension ChangedKeys.Change {
  /// A value as messages give it.
  static func words(_ value: String?) -> String {
    guard let value else { return "not set" }
    return value.count >= 2 && value.hasPrefix("\"") && value.hasSuffix("\"")
      ? String(value.dropFirst().dropLast()) : value
  }

  package var sentence: String { "\(key) is \(Self.words(to)) and was \(Self.words(from))" }

  /// What becomes of it, in a note.
  package func note(from step: Int) -> String {
    "\(key) is \(Self.words(to)) from step \(step + 1) on, and was \(Self.words(from))"
  }
}
