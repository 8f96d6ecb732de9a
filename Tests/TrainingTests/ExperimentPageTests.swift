import Configuration
import ExperimentKeys
import Foundation
import Testing
import Training

/// The page on an experiment's keys, compared with the keys that are read.
@Suite struct ExperimentPageTests {
  private let page: KeyPage

  init() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../../Sources/Training/Lockstep.docc/ConfigurationReference.md")
    page = KeyPage(try String(contentsOf: file.standardizedFileURL, encoding: .utf8))
  }

  @Test func everyKeyIsDocumentedAndEveryDocumentedKeyExists() throws {
    #expect(page.parts.count > 40)
    let always = page.parts.filter { $0.choices.isEmpty }.flatMap(\.rows)
    for part in page.parts {
      for choice in part.choices.isEmpty ? [[]] : part.choices.map({ [$0] }) {
        let given = part.rows.compactMap(\.example)
        let experiment = try Experiment(text: "", source: "page.toml", overrides: choice + given)
        // The keys of the kinds that are not chosen here but taken by default are documented with
        // those kinds.
        let others = page.parts.filter { other in other.choices.contains { experiment.has($0) } }
          .flatMap(\.rows)
        let documented = Set((always + others).map(\.key))
        #expect(experiment.keys.subtracting(documented) == [], "of \(choice), not in the page")
        #expect(
          Set(part.rows.map(\.key)).subtracting(experiment.keys) == [],
          "of \(choice), in the page only")
      }
    }
  }

  @Test func documentedDefaultsAreThoseOfTheResolvedFile() throws {
    for part in page.parts {
      for choice in part.choices.isEmpty ? [[]] : part.choices.map({ [$0] }) {
        let experiment = try Experiment(
          text: "", source: "page.toml", overrides: choice + part.rows.compactMap(\.example))
        for row in part.rows where row.example == nil {
          #expect(experiment.value(row.key) == row.value, "\(row.key) of \(choice)")
        }
        for row in part.rows {
          guard let example = row.example else { continue }
          #expect(throws: ExperimentError.self, "\(example) is needed") {
            try Experiment(text: "", source: "page.toml", overrides: choice)
          }
        }
      }
    }
  }

  /// The error for a wrong name lists all names; each of them is in the row's meaning, or has a
  /// heading.
  @Test func everyNameThatAKeyTakesIsDocumented() throws {
    var choices = 0
    for part in page.parts {
      for row in part.rows where row.example == nil {
        let given = Array(part.choices.prefix(1)) + part.rows.compactMap(\.example)
        guard let names = names(of: row.key, given) else { continue }
        choices += 1
        let headed = page.parts.flatMap(\.choices).filter { $0.hasPrefix(row.key + "=") }.map {
          String($0.dropFirst(row.key.count + 1))
        }
        // "as of …" points to another row of the same key.
        let meanings =
          row.meaning.contains("as of ")
          ? page.parts.flatMap(\.rows).filter { $0.key == row.key }.map(\.meaning) : [row.meaning]
        let written =
          meanings.flatMap(quoted) + headed + [
            row.value.map { String($0.dropFirst().dropLast()) } ?? ""
          ]
        #expect(Set(names).subtracting(written) == [], "of \(row.key), not in the page")
        if !row.meaning.contains("as of ") {
          #expect(Set(written).subtracting(names) == [], "of \(row.key), in the page only")
        }
      }
    }
    #expect(choices >= 16)
  }

  private func names(of key: String, _ given: [String]) -> [String]? {
    do {
      let overrides = given.filter { !$0.hasPrefix(key + "=") }
      _ = try Experiment(
        text: "", source: "page.toml", overrides: overrides + ["\(key)=\"no such name at all\""])
      return nil
    } catch {
      guard let range = error.description.range(of: " is not one of ") else { return nil }
      return error.description[range.upperBound...].split(separator: "; did you mean")[0].split(
        separator: ", "
      ).map(String.init)
    }
  }
}

/// The words in `"…"` of a text.
private func quoted(_ text: String) -> [String] {
  text.split(separator: "`").filter { $0.count > 2 && $0.hasPrefix("\"") && $0.hasSuffix("\"") }.map
  { String($0.dropFirst().dropLast()) }
}

extension Experiment {
  /// A key's value in the resolved file.
  fileprivate func value(_ path: String) -> String? {
    var section = ""
    for line in resolved.split(separator: "\n") {
      if line.hasPrefix("[") {
        section = line.dropFirst().dropLast() + "."
      } else if let equals = line.range(of: " = "), section + line[..<equals.lowerBound] == path {
        return String(line[equals.upperBound...])
      }
    }
    return nil
  }

  /// Whether this experiment is of a kind that a heading names, as `section.key=kind`.
  fileprivate func has(_ choice: String) -> Bool {
    let parts = choice.split(separator: "=")
    return value(String(parts[0])) == "\"\(parts[1])\""
  }
}

/// The page: parts for all experiments, and parts for kinds, each with rows of keys.
private struct KeyPage {
  struct Row {
    var key: String
    /// As TOML; nil for a dash.
    var value: String?
    /// An example where the key is required.
    var example: String?
    var meaning: String
  }

  struct Part {
    /// `section.key=kind`, for each kind that has these keys; empty for keys that are always there.
    var choices: [String] = []
    var rows: [Row] = []
  }

  var parts: [Part] = []

  init(_ text: String) {
    for line in text.split(separator: "\n") {
      if line.hasPrefix("#") {
        // A heading of kinds is `### section.key: kind, kind`.
        let words = line.drop { $0 == "#" }.split(separator: ": ", maxSplits: 1)
        let kinds = words.count == 2 ? words[1].split(separator: ", ") : []
        parts.append(
          Part(choices: kinds.map { "\(words[0].trimmingCharacters(in: .whitespaces))=\($0)" }))
      } else if line.hasPrefix("| `") {
        let cells = line.dropFirst(2).split(separator: " | ", omittingEmptySubsequences: false)
          .map { $0.trimmingCharacters(in: CharacterSet(charactersIn: "| ")) }
        let key = String(cells[0].dropFirst().dropLast())
        let code = cells[1].split(separator: "`").last.map(String.init)
        let isNeeded = cells[1].hasPrefix("needed")
        parts[parts.count - 1].rows.append(
          Row(
            key: key, value: cells[1] == "–" || isNeeded ? nil : code,
            example: isNeeded ? "\(key)=\(code ?? "")" : nil,
            meaning: cells.dropFirst(2).joined(separator: " ")))
      }
    }
  }
}
