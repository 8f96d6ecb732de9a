/// The most that anything is counted to in a record: 2⁴⁴ samples are 200 days at a million a
/// second. Sums of some thousand such counts cannot overflow.
package let largestCount = 1 << 44

/// The path of a whole number within a record, such as `memory.cursor.epoch`, that no count can be:
/// negative, or above ``largestCount``. Nil where there is none. `exempt` are paths that may hold
/// any number.
///
/// Records come out of files and from other processes: what decodes may still say anything, and
/// arithmetic on it would end the process.
package func impossibleCount(in record: Any, exempt: Set<String> = []) -> String? {
  func find(_ value: Any, _ path: String) -> String? {
    if let count = value as? Int {
      return (0...largestCount).contains(count) || exempt.contains(path) ? nil : path
    }
    if value is String { return nil }
    for (index, child) in Mirror(reflecting: value).children.enumerated() {
      let name = child.label == "some" ? "" : child.label ?? "\(index)"
      if let found = find(
        child.value, path.isEmpty || name.isEmpty ? path + name : "\(path).\(name)")
      {
        return found
      }
    }
    return nil
  }
  return find(record, "")
}
