import Recording

/// What a run's resolved experiment says: its keys and their values, as they are written.
public struct RunSettings: Sendable {
  /// `section.key` and its value, in the file's order.
  public let pairs: [(key: String, value: String)]

  public init(_ experiment: String) {
    var section = ""
    var pairs: [(key: String, value: String)] = []
    for line in experiment.split(separator: "\n") {
      let line = line.drop { $0 == " " }
      if line.hasPrefix("#") { continue }
      if line.hasPrefix("["), let end = line.lastIndex(of: "]") {
        section = line[line.index(after: line.startIndex)..<end] + "."
      } else if let equals = line.firstIndex(of: "=") {
        let key = line[..<equals].filter { $0 != " " }
        pairs.append((section + key, String(line[line.index(after: equals)...].drop { $0 == " " })))
      }
    }
    self.pairs = pairs
  }

  /// The experiment's name; nil where it has none.
  public var name: String? {
    guard let text = pairs.first(where: { $0.key == "name" })?.value, text.count >= 2,
      text.hasPrefix("\""), text.hasSuffix("\"")
    else {
      return nil
    }
    let name = text.dropFirst().dropLast().replacing("\\\"", with: "\"").replacing(
      "\\\\", with: "\\")
    return name.isEmpty ? nil : String(name)
  }

  /// The name of the experiment that a directory's run trained; the directory's last part where
  /// that cannot be read.
  public static func name(of directory: RunDirectory) -> String {
    let text = try? JSONFile.contents(of: directory.experiment)
    return text.flatMap { RunSettings(String(decoding: $0, as: UTF8.self)).name }
      ?? directory.lastPart
  }

  /// A name for each of several runs: the experiment's, or the directory where two would have the
  /// same.
  public static func distinctNames(_ runs: [(name: String, directory: String)]) -> [String] {
    runs.map { run in runs.count { $0.name == run.name } > 1 ? run.directory : run.name }
  }

  /// The keys whose values are not the same in all runs, in the order in which the runs name them;
  /// `–` where a run does not have the key.
  public static func differences(_ runs: [RunSettings]) -> [(key: String, values: [String])] {
    let all = runs.map { Dictionary($0.pairs.map { ($0.key, $0.value) }) { first, _ in first } }
    var seen: Set<String> = []
    return runs.flatMap(\.pairs).map(\.key).filter { $0 != "name" && seen.insert($0).inserted }
      .compactMap { key in
        let values = all.map { $0[key] ?? "–" }
        return Set(values).count > 1 ? (key, values) : nil
      }
  }
}
