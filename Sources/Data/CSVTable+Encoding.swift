import Files

extension CSVTable {
  static let mostInputs = 1 << 16

  /// How rows become samples, by the rows trained on: their categories, means and deviations.
  ///
  /// `standardize` brings each input of numbers to mean 0 and deviation 1 over the rows trained on,
  /// reckoned in Double (the deviation divides by the number of rows, as scikit-learn's
  /// `StandardScaler` does); a constant input becomes 0.
  /// - Throws: where a held-out row has a category that no row trained on has, and where no row
  ///   trained on has a value of an input.
  public func encoding(_ heldOut: TrainTestSplit, standardize: Bool) throws(FileError)
    -> TableEncoding
  {
    let (sums, present, seen) = tally(heldOut.train)
    var means: [[Double]] = []
    for place in inputs.indices {
      guard present[place] > 0 else {
        throw failure(
          row: Int(heldOut.train[0]), column: inputs[place], "no row trained on has a value here",
          remedy: "put the column into data.ignore")
      }
      let kept = seen[place].filter { $0 > 0 }
      means.append(
        (isWords(place) ? kept.map(Double.init) : [sums[place]]).map {
          $0 / Double(present[place])
        })
    }
    let count = means.reduce(0) { $0 + $1.count }
    guard count <= Self.mostInputs else {
      throw FileError(
        path, "\(count) inputs, with one for each category; at most \(Self.mostInputs) can be used",
        remedy: "put columns of many categories into data.ignore")
    }
    try checkCategories(heldOut.test, seen)
    let scales = standardize ? deviations(over: heldOut.train, means) : []
    return TableEncoding(
      inputs: inputs.indices.map { place in
        let column = encodingColumn(inputs[place])
        let names = categories[place].names
        guard isWords(place) else {
          return TableEncoding.Input(
            column: column, means: means[place], offset: standardize ? means[place][0] : 0,
            scale: standardize ? scales[place] : 1)
        }
        return TableEncoding.Input(
          column: column,
          categories: names.indices.filter { seen[place][$0] > 0 }.map { names[$0] },
          isDeclared: sorts[place] == .categories, means: means[place])
      }, targets: targets.map(encodingColumn), label: label.map(encodingColumn),
      ignored: ignored.map(encodingColumn), classes: classNames, missing: missing,
      separator: String(UnicodeScalar(separator)))
  }

  /// Each word's place among the categories of an encoding; −1 for one that is none of them.
  func places(of input: TableEncoding.Input, at place: Int) -> [Int32] {
    let known = OrderedNames(input.categories ?? [])
    let (names, places) = categories[place]
    return places.map { known[names[Int($0)]] ?? -1 }
  }

  private func isWords(_ place: Int) -> Bool { !categories[place].names.isEmpty }

  private func encodingColumn(_ index: Int) -> TableEncoding.Column {
    TableEncoding.Column(name: names?[index], index: index)
  }

  /// Of each input over some rows: the sum of its numbers, how many values it has, and how many of
  /// each category.
  private func tally(_ rows: [UInt32]) -> (sums: [Double], present: [Int], seen: [[Int]]) {
    var sums = [Double](repeating: 0, count: inputs.count)
    var present = [Int](repeating: 0, count: inputs.count)
    var seen = categories.map { [Int](repeating: 0, count: $0.names.count) }
    for row in rows {
      withRow(Int(row)) { values in
        for place in sums.indices where !values[place].isNaN {
          present[place] += 1
          if seen[place].isEmpty {
            sums[place] += values[place]
          } else {
            seen[place][Int(categories[place].places[Int(values[place])])] += 1
          }
        }
      }
    }
    return (sums, present, seen)
  }

  /// Each input's deviation from its mean over some rows. A missing value deviates by nothing.
  private func deviations(over rows: [UInt32], _ means: [[Double]]) -> [Double] {
    let mean = means.map { $0[0] }
    var sums = [Double](repeating: 0, count: inputs.count)
    for row in rows {
      withRow(Int(row)) { values in
        for place in sums.indices where !values[place].isNaN {
          sums[place] += (values[place] - mean[place]) * (values[place] - mean[place])
        }
      }
    }
    // The mean of equal values may be off by its rounding; a deviation of that size is none.
    return zip(mean, sums).map { mean, sum in
      let deviation = (sum / Double(rows.count)).squareRoot()
      return deviation <= 1e-14 * abs(mean) ? 1 : deviation
    }
  }

  /// Refuses categories that no row trained on has.
  private func checkCategories(_ rows: [UInt32], _ seen: [[Int]]) throws(FileError) {
    let unseen = seen.indices.filter { seen[$0].contains(0) }
    guard !unseen.isEmpty else { return }
    for row in rows {
      let wrong = withRow(Int(row)) { values in
        unseen.first {
          !values[$0].isNaN && seen[$0][Int(categories[$0].places[Int(values[$0])])] == 0
        }
      }
      guard let wrong else { continue }
      throw failure(
        row: Int(row), column: inputs[wrong],
        "this row is held out for testing, and no row trained on has its category",
        remedy:
          "give more rows of it, leave the row out, or put the column into data.ignore; data.validation = 0 holds out none"
      )
    }
  }
}
