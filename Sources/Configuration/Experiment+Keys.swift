import ExperimentKeys

extension Experiment {
  /// Every key that an experiment file can have, in the order of the page of keys: section by
  /// section, each key under what has to be chosen for it.
  public static func keyDeclarations(registry: Registry = Registry()) -> [KeyDeclaration] {
    do {
      return try ExperimentReader.declarations(registry: registry) {
        (keys) throws(ExperimentError) in _ = try Experiment(&keys)
      }
    } catch {
      fatalError("the defaults are no experiment: \(error)")
    }
  }
}
