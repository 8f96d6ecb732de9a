import ExperimentKeys
import Files
import Vectors

/// `data.kind = "npz"`: rows of arrays that `numpy.savez` or `numpy.savez_compressed` wrote into
/// one file; see ``/Data/NpyRows``.
///
/// Arrays that are not compressed are read as they are drawn; the ranks of a node share one
/// unpacked copy of the others. A fraction `validation` of the rows, drawn by the seed, is the test
/// set; with 0 that is the training set itself.
public struct NpzKind: DividedDataKind {
  public static let kind = "npz"
  public static let summary =
    "Rows of several NumPy arrays in one file; those that are not compressed are read as they are drawn."
  public let path: String
  public let inputs: String
  public let targets: String?
  public let labels: String?
  public let validation: Double

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    path = try keys.path(
      needed: "path", example: "data.npz", missing: "data of kind npz needs the path of its file",
      "the file")
    inputs = try keys.string(
      "inputs", default: "x",
      "the array of the inputs, by its name; unsigned bytes are pixels, divided by 255")
    targets = try keys.string(
      optional: "targets", "that of values to be predicted; unsigned bytes are numbers like others")
    labels = try keys.string(optional: "labels", "or that of classes")
    if targets != nil && labels != nil {
      throw keys.error("labels", "give targets or labels, not both")
    }
    validation = try keys.number(
      "validation", default: 0.1, wanted: "a fraction of at least 0 and below 1",
      "the part of the rows, drawn by the seed, that is held out for testing"
    ) { $0 >= 0 && $0 < 1 }
  }

  public var files: [String] { [path] }

  public func outline() -> SampleShape? {
    guard let archive = try? ZipArchive(path: path),
      let inputs = try? archive.head(of: inputs), var shape = try? NpyRows(inputs: inputs).shape
    else { return nil }
    if labels != nil { (shape.labels, shape.classes) = (1, 2) }
    if let targets {
      guard let targets = try? archive.head(of: targets) else { return nil }
      shape.targets = targets.width
    }
    return shape
  }

  public func open(
    validation: Double, seed: UInt64, on ranks: borrowing some DataContext & ~Copyable
  ) throws -> TrainingData {
    let archive = try ranks.succeedOnAllRanks { try ZipArchive(path: path) }
    var contents: [NpyContent?] = []
    for name in [inputs, targets, labels] {
      contents.append(try name.map { try content(of: $0, in: archive, on: ranks) })
    }
    return try openRows(path, validation: validation, seed: seed, on: ranks) {
      () throws(FileError) in
      try NpyRows(
        inputs: NpyFile(contents[0]!),
        targets: contents[1].map { (content) throws(FileError) in try NpyFile(content) },
        labels: contents[2].map { (content) throws(FileError) in try NpyFile(content) })
    }
  }

  /// An array's bytes: in the file, or unpacked by one rank of each node. Collective.
  private func content(
    of name: String, in archive: ZipArchive, on ranks: borrowing some DataContext & ~Copyable
  ) throws -> NpyContent {
    let member = try ranks.succeedOnAllRanks { try archive.array(name) }
    // What rank 0's file has decides, so that all ranks take part in what follows.
    let known = try ranks.broadcast([member.isDeflated ? 1 : 0, Int64(member.size)])
    try ranks.succeedOnAllRanks {
      guard known == [member.isDeflated ? 1 : 0, Int64(member.size)] else {
        throw FileError(
          path, "is another archive on this host than where rank 0 runs",
          remedy: "give the same file on every host")
      }
      try archive.checkMemory(for: member)
    }
    guard member.isDeflated else { return NpyContent(member, of: archive) }
    let memory = try ranks.sharedBytes(count: member.size, filler: 0)
    // The agreement is also the barrier behind which the bytes may be read.
    try ranks.succeedOnAllRanks {
      if memory.isFiller { try archive.unpack(member, into: memory.bytes) }
    }
    return NpyContent(
      member, of: archive, in: UnsafeRawBufferPointer(memory.bytes), keeping: memory)
  }
}
