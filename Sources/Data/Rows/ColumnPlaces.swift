import Files

/// Where a CSV file has the columns that a model reads.
struct ColumnPlaces {
  /// Of each input of the encoding, its column in the file.
  let inputs: [Int]

  /// `cells` are those of the file's first row: the names, where the table trained on had some.
  ///
  /// Columns are found by name, in any order. Targets, label and columns that were ignored in
  /// training may be there or not. Without names they are found by place: all columns of the table
  /// trained on, or all but its targets and label.
  /// - Throws: where a column is missing, or one is there that training did not have.
  init(_ path: String, cells: [String], encoding: TableEncoding) throws(UnfitInput) {
    inputs =
      encoding.hasNames
      ? try Self.byName(path, cells, encoding) : try Self.byPlace(path, cells.count, encoding)
  }

  private static func byName(_ path: String, _ cells: [String], _ encoding: TableEncoding)
    throws(UnfitInput) -> [Int]
  {
    let known = Set(encoding.columns.compactMap(\.name))
    let unknown = cells.filter { !known.contains($0) }
    let places = Dictionary(grouping: cells.indices) { cells[$0] }
    var inputs: [Int] = []
    for input in encoding.inputs {
      let name = input.column.name!
      let found = places[name] ?? []
      guard let place = found.first else {
        let near = nearest(name, among: unknown) ?? (unknown.count == 1 ? unknown[0] : nil)
        throw UnfitInput(
          path, "there is no column \"\(name)\", which the model reads",
          remedy: near.map { "the file has \"\($0)\" instead, which it does not know" }
            ?? (unknown.isEmpty
              ? "add it" : "the file has \(list(unknown)) that the model does not know"))
      }
      guard found.count == 1 else {
        throw UnfitInput(
          path, "\(found.count) columns are called \"\(name)\"", remedy: "give one of each name")
      }
      inputs.append(place)
    }
    guard unknown.isEmpty else {
      throw UnfitInput(
        path,
        "the model does not know \(list(unknown))", remedy: "remove what it was not trained with")
    }
    return inputs
  }

  private static func byPlace(_ path: String, _ width: Int, _ encoding: TableEncoding)
    throws(UnfitInput) -> [Int]
  {
    let all = encoding.columns.map(\.index).sorted()
    let answers = Set((encoding.targets + (encoding.label.map { [$0] } ?? [])).map(\.index))
    let asked = all.filter { !answers.contains($0) }
    guard let present = [all, asked].first(where: { $0.count == width }) else {
      throw UnfitInput(
        path,
        "has \(width) column\(width == 1 ? "" : "s"), the table trained on \(all.count), of which \(answers.count) are to be predicted",
        remedy: "give rows of \(all.count) or \(asked.count) columns")
    }
    let places = Dictionary(uniqueKeysWithValues: zip(present, present.indices))
    return encoding.inputs.map { places[$0.column.index]! }
  }

  private static func list(_ names: [String]) -> String {
    let shown = names.prefix(4).map { "\"\($0)\"" }.joined(separator: ", ")
    return (names.count == 1 ? "the column " : "the columns ") + shown
      + (names.count > 4 ? ", …" : "")
  }
}
