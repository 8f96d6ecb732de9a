import Configuration
import Data
import ExperimentKeys
import Files
import TensorFiles
import Vectors

/// Data files: each is opened, and every sample read.
extension FuzzTarget {
  static let safetensors = FuzzTarget("safetensors") { bytes in
    let path = InputFiles.shared.write(bytes, to: "x.safetensors")
    guard let summary = try? TensorFileSummary(path: path), let file = try? SafeTensors(path: path)
    else { return }
    for tensor in summary.tensors where tensor.elementCount < 1 << 20 {
      _ = try? file.floats(named: tensor.name)
    }
  }

  /// The file that `lockstep sample` opens: its metadata describe the model.
  static let weights = FuzzTarget("weights") { bytes in
    _ = try? TrainedModel(path: InputFiles.shared.write(bytes, to: "weights.safetensors"))
  }

  /// Images, then labels, each plain or gzip.
  static let idx = FuzzTarget("idx") { bytes in
    let (images, labels) = InputFiles.shared.split(bytes, "images", "labels")
    guard let files = try? LabeledImagesFiles(images: images, labels: labels, classes: 10) else {
      return
    }
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: files.byteCount, alignment: 64)
    defer { memory.deallocate() }
    _ = try? files.load(into: memory)
    readRows(
      images, TrainedInputs(samples: SampleShape(inputs: files.inputWidth, image: files.image)))
  }

  /// A picture in a folder that is a class.
  static let png = FuzzTarget("png") { bytes in
    let folder = InputFiles.shared.makeFolder("pictures")
    _ = InputFiles.shared.makeFolder("pictures/a")
    _ = InputFiles.shared.write(bytes, to: "pictures/a/x.png")
    for channels in [1, 3] {
      let text = "data.path = \"\(folder)\"\ndata.validation = 0\ndata.channels = \(channels)"
      guard var keys = try? ExperimentReader(text: text, source: "x", overrides: []),
        (try? keys.enter("data")) != nil, let kind = try? ImageFolderKind(&keys)
      else { continue }
      _ = try? kind.outline()
      if let data = try? kind.open(seed: 1, on: OneRank()) { readAll(data.train) }
    }
  }

  /// Inputs, then labels or targets.
  static let npy = FuzzTarget("npy") { bytes in
    let (first, second) = InputFiles.shared.split(bytes, "x.npy", "y.npy")
    guard let inputs = try? NpyFile(path: first) else { return }
    readRows(first, TrainedInputs(samples: SampleShape(inputs: inputs.width)))
    let other = try? NpyFile(path: second)
    for rows in [
      try? NpyRows(inputs: inputs), try? NpyRows(inputs: inputs, targets: other),
      try? NpyRows(inputs: inputs, labels: other),
    ] {
      if let rows { readAll(rows) }
    }
  }

  /// Two arrays of an archive, x and y.
  static let npz = FuzzTarget("npz") { bytes in
    let path = InputFiles.shared.write(bytes, to: "x.npz")
    for role in ["unused", "targets", "labels"] {
      guard
        var keys = try? ExperimentReader(
          text: "data.path = \"\(path)\"\ndata.\(role) = \"y\"", source: "x", overrides: []),
        (try? keys.enter("data")) != nil, let kind = try? NpzKind(&keys)
      else { continue }
      _ = kind.outline()
      if let data = try? kind.open(seed: 1, on: OneRank()) { readAll(data.train) }
    }
  }

  static let csv = FuzzTarget("csv") { bytes in
    let path = InputFiles.shared.write(bytes, to: "x.csv")
    for columns in [
      CSVColumns(), CSVColumns(label: .index(0), missing: .mean),
      CSVColumns(targets: [.index(1)], label: .name("a")),
      CSVColumns(categories: [.index(0)], missing: .drop),
    ] {
      guard let table = try? CSVTable(path: path, columns: columns), table.rowCount > 1 else {
        continue
      }
      let heldOut = TrainTestSplit(of: table.rowCount, fraction: 0.3, seed: 1)
      guard let layout = try? table.layout(heldOut, standardize: true) else { continue }
      let memory = SharedBytes(count: layout.byteCount)
      table.write(heldOut, into: memory.bytes, layout: layout)
      readAll(
        Table(.test, in: UnsafeRawBufferPointer(memory.bytes), keeping: memory, layout: layout))
      readRows(
        path, TrainedInputs(samples: layout.encoding.shape, encoding: layout.encoding))
    }
  }

  static let text = FuzzTarget("text") { bytes in
    guard let file = try? TextFile(path: InputFiles.shared.write(bytes, to: "x.txt")),
      let counts = try? file.counts()
    else { return }
    let vocabulary = Vocabulary(counts: counts)
    try? file.check(against: Vocabulary([0x61]), of: "training")
    guard !file.isGzip,
      let text = try? Text(file, byteCount: bytes.count, vocabulary: vocabulary, context: 3)
    else { return }
    readAll(text)
  }

  static let tokenizer = FuzzTarget("tokenizer") { bytes in
    guard let tokenizer = try? Tokenizer(bytes, path: "tokenizer.json") else { return }
    var encoder = TokenizerEncoder(tokenizer)
    for text in ["ab abba<x>ab", "it's\u{A0}a 12\n\n b", String(repeating: "ab", count: 40)] {
      guard let tokens = try? encoder.encode(Array(text.utf8)) else { continue }
      guard tokens.allSatisfy({ (0..<Int32(tokenizer.count)).contains($0) }) else {
        fatalError("a token of \(tokens) is none")
      }
    }
    // Any text, too.
    _ = try? encoder.encode(bytes)
  }

  static let tokens = FuzzTarget("tokens") { bytes in
    guard let file = try? TokenFile(path: InputFiles.shared.write(bytes, to: "x.bin")),
      let largest = try? file.largest(ofPart: 0, of: 1),
      let tokens = try? Tokens(file, vocabulary: largest + 1, context: 3)
    else { return }
    try? file.check(below: 7, remedy: "")
    readAll(tokens)
  }

  /// Reads every sample, a few at a time.
  private static func readAll(_ data: any Dataset) {
    guard data.shape.inputs + data.shape.targets < 1 << 20 else { return }
    var batch = Batch(capacity: 4, shape: data.shape)
    for start in stride(from: 0, to: min(data.count, 1000), by: 4) {
      try? data.fill(
        &batch, with: (UInt32(start)..<UInt32(min(start + 4, data.count))).map { $0 }[...])
    }
  }
}

/// Reads all rows as a trained model's inputs.
private func readRows(_ path: String, _ trained: TrainedInputs) {
  guard trained.samples.inputs < 1 << 20, let rows = try? openInputRows(path, for: trained) else {
    return
  }
  var batch = Batch(capacity: 2, shape: trained.samples)
  repeat { guard (try? rows.read(into: &batch)) != nil else { return } } while batch.count > 0
}
