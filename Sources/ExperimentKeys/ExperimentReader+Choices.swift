import Files

extension ExperimentReader {
  /// One of an enumeration's names; a wrong one is answered with the nearest.
  public mutating func choice<Choice: CaseIterable & RawRepresentable<String>>(
    _ key: String, default fallback: Choice, _ help: String
  ) throws(ExperimentError) -> Choice {
    Choice(
      rawValue: try choice(
        key, default: fallback.rawValue, among: Choice.allCases.map(\.rawValue), help))!
  }

  /// One of some names; a wrong one is answered with the nearest.
  public mutating func choice(
    _ key: String, default fallback: String, among names: [String], _ help: String
  ) throws(ExperimentError) -> String {
    try choice(key, default: fallback, among: names.map { KeyDeclaration.Choice($0) }, help)
  }

  private mutating func choice(
    _ key: String, default fallback: String, among choices: [KeyDeclaration.Choice],
    _ help: String
  ) throws(ExperimentError) -> String {
    let names = choices.map(\.name)
    let form = KeyForm.string
    declare(
      key, .choice, wanted: "one of \(names.joined(separator: ", "))",
      default: form.write(fallback), choices: choices, help)
    let name = try read(key, as: form) ?? note(key, fallback, form.write(fallback))
    guard names.contains(name) else {
      let hint = nearest(name, among: names).map { "; did you mean \"\($0)\"?" } ?? ""
      throw error(
        key,
        "\(tomlString(shortened(name))) is not one of \(names.joined(separator: ", "))\(hint)")
    }
    chosen[path(of: key)] = name
    return name
  }

  /// Reads keys that an experiment has only where `key`, a choice of this section that was read
  /// before, is `name`.
  ///
  /// Where it is something else, the result is nil, and such keys are passed over in the file, so
  /// that one line switches between the choices.
  public mutating func only<Value>(
    if key: String, is name: String,
    _ read: (inout ExperimentReader) throws(ExperimentError) -> Value
  ) throws(ExperimentError) -> Value? {
    let path = path(of: key)
    let outer = conditions
    conditions.append(KeyDeclaration.Condition(Self.declaredPath(path), name))
    defer { conditions = outer }
    if chosen[path] == name { return try read(&self) }
    var other = self
    other.chosen[path] = name
    other.isAlternative = true
    _ = try? read(&other)
    foreign.formUnion(other.known)
    declarations = other.declarations
    return nil
  }

  /// The one of a sort's kinds that a key names, read; the first is the default. The keys of the
  /// others are known then, so that one line of a file switches between them.
  ///
  /// - Parameters:
  ///   - key: the key, of the current section.
  ///   - list: the sort of kind.
  ///   - help: what the key means.
  ///   - read: reads the keys of one of them.
  public mutating func kind<List: KindList, Value>(
    _ key: String, of list: List.Type, _ help: String,
    read: (List.Element, inout ExperimentReader) throws(ExperimentError) -> Value
  ) throws(ExperimentError) -> Value {
    try kind(key, among: registry.all(list), choice: List.choice, help, read: read)
  }

  /// The same for any candidates; `choice` is the name of one, with what it stands for.
  public mutating func kind<Candidate, Value>(
    _ key: String, among kinds: [Candidate], choice: (Candidate) -> KeyDeclaration.Choice,
    _ help: String, read: (Candidate, inout ExperimentReader) throws(ExperimentError) -> Value
  ) throws(ExperimentError) -> Value {
    let choices = kinds.map(choice)
    let chosen = try self.choice(key, default: choices[0].name, among: choices, help)
    var value: Value?
    for (kind, choice) in zip(kinds, choices) {
      let result = try only(if: key, is: choice.name) {
        (keys: inout ExperimentReader) throws(ExperimentError) in try read(kind, &keys)
      }
      if choice.name == chosen && value == nil { value = result }
    }
    return value!
  }
}
