import ExperimentKeys
import Files
import Vectors

/// `data.kind = "npy"`: rows of NumPy arrays, read from the files as they are drawn; see
/// ``/Data/NpyRows``.
///
/// `path` holds the inputs; `targets_path` what a regression is to predict, or `labels_path` the
/// classes; with neither, there are inputs alone. A fraction `validation` of the rows, drawn by the
/// seed, is the test set; with 0 that is the training set itself.
public struct NpyKind: DividedDataKind {
  public static let kind = "npy"
  public static let summary = "Rows of NumPy arrays, read as they are drawn."
  public let path: String
  public let targetsPath: String?
  public let labelsPath: String?
  public let validation: Double

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    path = try keys.path(
      needed: "path", example: "inputs.npy",
      missing: "data of kind npy needs the path of its inputs",
      "the inputs; unsigned bytes are pixels, divided by 255")
    targetsPath = try keys.path(
      "targets_path", "values to be predicted; unsigned bytes are numbers like others")
    labelsPath = try keys.path("labels_path", "or classes")
    if targetsPath != nil && labelsPath != nil {
      throw keys.error("labels_path", "give targets or labels, not both")
    }
    validation = try keys.number(
      "validation", default: 0.1, wanted: "a fraction of at least 0 and below 1",
      "the part of the rows, drawn by the seed, that is held out for testing"
    ) { $0 >= 0 && $0 < 1 }
  }

  public var files: [String] { [path, targetsPath, labelsPath].compactMap { $0 } }

  public func outline() -> SampleShape? {
    guard let inputs = try? NpyFile(path: path), var shape = try? NpyRows(inputs: inputs).shape
    else { return nil }
    if labelsPath != nil { (shape.labels, shape.classes) = (1, 2) }
    if let targetsPath {
      guard let targets = try? NpyFile(path: targetsPath) else { return nil }
      shape.targets = targets.width
    }
    return shape
  }

  public func open(
    validation: Double, seed: UInt64, on ranks: borrowing some DataContext & ~Copyable
  ) throws -> TrainingData {
    try openRows(path, validation: validation, seed: seed, on: ranks) { () throws(FileError) in
      try NpyRows(
        inputs: NpyFile(path: path),
        targets: targetsPath.map { (path) throws(FileError) in try NpyFile(path: path) },
        labels: labelsPath.map { (path) throws(FileError) in try NpyFile(path: path) })
    }
  }
}

/// Opens arrays of rows and divides them; `path` is the file that messages name. Collective.
func openRows(
  _ path: String, validation: Double, seed: UInt64,
  on ranks: borrowing some DataContext & ~Copyable, _ open: () throws(FileError) -> NpyRows
) throws -> TrainingData {
  let rows = try ranks.succeedOnAllRanks {
    let rows = try open()
    guard rows.count > 1 || validation == 0 else {
      throw FileError(
        path, "has one row, which cannot be held out for testing",
        remedy: "give more rows, or set data.validation = 0")
    }
    return rows
  }
  let shape = rows.shape
  let mine = [rows.count, shape.inputs, shape.targets, shape.classes]
  let first = try ranks.broadcast(mine.map(Int64.init))
  try ranks.succeedOnAllRanks {
    guard first == mine.map(Int64.init) else {
      throw FileError(
        path, "is another array on this host than where rank 0 runs",
        remedy: "give the same files on every host")
    }
  }
  let heldOut = TrainTestSplit(of: rows.count, fraction: validation, seed: seed)
  let (train, test) = (rows[heldOut.train], rows[heldOut.test])
  let missing = try ranks.succeedOnAllRanks {
    ranks.rank == 0 ? try test.classes(missingIn: train).map(String.init) : []
  }
  let note = missingClassesNote(missing, in: rows.labelsName ?? path)
  return TrainingData(train: train, test: test, notes: note.map { [$0] } ?? [])
}
