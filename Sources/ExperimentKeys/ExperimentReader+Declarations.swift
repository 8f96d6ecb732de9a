extension ExperimentReader {
  /// Every key that a reading may ask for, in the order in which it does: what is not chosen is
  /// read as well, each key with the default that it has in an empty file.
  ///
  /// A key that has to be given has its example as its value here. What a kind refuses beyond that
  /// ends its own declarations, and no other's.
  public static func declarations(
    registry: Registry = Registry(),
    of read: (inout ExperimentReader) throws(ExperimentError) -> Void
  ) throws(ExperimentError) -> [KeyDeclaration] {
    var keys = try ExperimentReader(
      text: "", source: "experiment.toml", overrides: [], registry: registry)
    keys.declarations = []
    try read(&keys)
    return keys.declarations ?? []
  }

  /// Notes a key of the current section, where keys are being declared. One that is read twice has
  /// the default of the call that gives one.
  mutating func declare(
    _ key: String, _ type: KeyDeclaration.ValueType, wanted: String, default fallback: String?,
    choices: [KeyDeclaration.Choice] = [], isNeeded: Bool = false, example: String? = nil,
    _ help: String
  ) {
    guard let known = declarations else { return }
    let path = path(of: key)
    let declaration = KeyDeclaration(
      section: base.parts.isEmpty ? "" : Self.declaredPath(TOMLPath([path.parts[0]])),
      key: Self.declaredPath(TOMLPath(Array(path.parts.dropFirst(base.parts.isEmpty ? 0 : 1)))),
      conditions: conditions, type: type, defaultValue: fallback, bounds: wanted, choices: choices,
      help: help, isNeeded: isNeeded, example: example)
    let earlier = known.firstIndex {
      $0.path == declaration.path && $0.conditions == declaration.conditions
    }
    guard let earlier else {
      declarations?.append(declaration)
      return
    }
    if fallback != nil { declarations?[earlier] = declaration }
  }

  /// A path with `[]` for the entries of a list.
  static func declaredPath(_ path: TOMLPath) -> String {
    path.parts.reduce(into: "") { text, part in
      switch part {
      case .key: text += (text.isEmpty ? "" : ".") + TOMLPath([part]).description
      case .index: text += "[]"
      }
    }
  }
}
