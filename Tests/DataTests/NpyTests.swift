import Data
import Files
import RankTesting
import Testing
import Vectors

/// A .npy file of version 1, 2 or 3, its header padded as NumPy pads it.
private func npy(_ header: String, _ data: [UInt8], version: UInt8 = 1) -> [UInt8] {
  let sizeBytes = version == 1 ? 2 : 4
  let unpadded = 8 + sizeBytes + header.utf8.count + 1
  let text =
    Array(header.utf8) + [UInt8](repeating: 0x20, count: (64 - unpadded % 64) % 64) + [0x0A]
  return [0x93] + Array("NUMPY".utf8) + [version, 0]
    + (0..<sizeBytes).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) } + text
    + data
}

private func header(_ type: String, _ shape: String, fortran: Bool = false) -> String {
  "{'descr': '\(type)', 'fortran_order': \(fortran ? "True" : "False"), 'shape': \(shape), }"
}

private func bytes<Number: BitwiseCopyable>(_ numbers: [Number]) -> [UInt8] {
  numbers.withUnsafeBytes { Array($0) }
}

@Suite struct NpyTests {
  let files = TemporaryFolder()

  private func failure(_ bytes: [UInt8]) -> String? {
    let path = files.write(bytes, to: "f.npy")
    do {
      _ = try NpyFile(path: path)
      return nil
    } catch {
      #expect(error.path == path && error.offset != nil && !error.description.contains("\n"))
      return String(error.description.dropFirst(path.count + 2))
    }
  }

  private func inputs(_ rows: NpyRows, _ samples: [UInt32]) throws -> [Float] {
    var batch = Batch(capacity: samples.count, shape: rows.shape)
    try rows.fill(&batch, with: samples[...])
    return Array(batch.inputs)
  }

  /// As numpy 2.4.6 saved `numpy.array([[1.5, -2.0], [0.1, 3e-7]], '<f4')` and
  /// `numpy.array([3, 1, 2], '<i8')`.
  @Test func readsWhatNumPyWrites() throws {
    let saved: [UInt8] =
      [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0, 0x76, 0]
      + Array("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }".utf8)
      + [UInt8](repeating: 0x20, count: 58) + [0x0A]
      + [
        0x00, 0x00, 0xC0, 0x3F, 0x00, 0x00, 0x00, 0xC0, 0xCD, 0xCC, 0xCC, 0x3D, 0xB0, 0x0F, 0xA1,
        0x34,
      ]
    let file = try NpyFile(path: files.write(saved, to: "a.npy"))
    #expect(file.element == .float32 && file.shape == [2, 2] && file.width == 2)
    #expect(try inputs(NpyRows(inputs: file), [1, 0]) == [0.1, 3e-7, 1.5, -2])
  }

  @Test func everyTypeVersionAndShapeIsRead() throws {
    let numbers: [Float] = [0, 1, 2, 100, 200, 255]
    let written: [(type: String, bytes: [UInt8], divisor: Float)] = [
      ("<f4", bytes(numbers), 1), ("<f8", bytes(numbers.map(Double.init)), 1),
      ("|u1", numbers.map { UInt8($0) }, 255),
      ("<i4", bytes(numbers.map { Int32($0) }), 1), ("<i8", bytes(numbers.map { Int64($0) }), 1),
    ]
    for (type, data, divisor) in written {
      for version in [UInt8(1), 2, 3] {
        for (shape, dimensions) in [
          ("(6,)", [6]), ("(3, 2)", [3, 2]), ("(1, 2, 3)", [1, 2, 3]),
          ("(1,1L,2, 3)", [1, 1, 2, 3]),
        ] {
          let file = try NpyFile(
            path: files.write(npy(header(type, shape), data, version: version), to: "a.npy"))
          #expect(file.element.rawValue == type && file.shape == dimensions)
          let rows = try NpyRows(inputs: file)
          #expect(rows.count == dimensions[0] && rows.shape.inputs == 6 / dimensions[0])
          #expect(try inputs(rows, Array(0..<UInt32(rows.count))) == numbers.map { $0 / divisor })
          let image: SampleShape.Image? =
            switch dimensions.count {
            case 3: SampleShape.Image(height: 2, width: 3)
            case 4: SampleShape.Image(channels: 1, height: 2, width: 3)
            default: nil
            }
          #expect(rows.shape.image == image)
        }
      }
    }
    // Another order of keys, other quotes, no comma at the end.
    let other = npy(
      "{\"shape\":(2,3),\"descr\":\"<u1\",\"fortran_order\":False}", [1, 2, 3, 4, 5, 6])
    #expect(try NpyFile(path: files.write(other, to: "o.npy")).shape == [2, 3])
  }

  @Test func targetsAndLabelsComeWithTheirRow() throws {
    let count = 9
    let x = try NpyFile(
      path: files.write(
        npy(header("<f8", "(9, 2)"), bytes((0..<18).map { Double($0) / 8 })), to: "x.npy"))
    let y = try NpyFile(
      path: files.write(
        npy(header("<f4", "(9, 1)"), bytes((0..<9).map { Float($0 * $0) })), to: "y.npy"))
    let labels = (0..<Int64(count)).map { $0 * 5 % 7 }
    let k = try NpyFile(path: files.write(npy(header("<i8", "(9,)"), bytes(labels)), to: "k.npy"))
    let regression = try NpyRows(inputs: x, targets: y)
    #expect(regression.shape == SampleShape(inputs: 2, targets: 1))
    let classified = try NpyRows(inputs: x, labels: k)
    #expect(classified.shape == SampleShape(inputs: 2, labels: 1, classes: 7))
    let part = classified[[8, 3, 5]]
    var first = Batch(capacity: 2, shape: regression.shape)
    var second = Batch(capacity: 3, shape: part.shape)
    try regression.fill(&first, with: [7, 2])
    try part.fill(&second, with: [2, 0, 1])
    #expect(Array(first.inputs) == [1.75, 1.875, 0.5, 0.625] && Array(first.targets) == [49, 4])
    #expect(Array(second.inputs) == [1.25, 1.375, 2, 2.125, 0.75, 0.875])
    #expect(Array(second.labels) == [labels[5], labels[8], labels[3]].map { Int32($0) })

    let short = try NpyFile(
      path: files.write(npy(header("|u1", "(8,)"), [UInt8](repeating: 0, count: 8)), to: "s.npy"))
    #expect(
      #expect(throws: FileError.self) { try NpyRows(inputs: x, labels: short) }?.what
        == "has 8 rows, \(x.path) has 9")
    #expect(
      #expect(throws: FileError.self) { try NpyRows(inputs: x, labels: y) }?.what.hasPrefix(
        "holds <f4 of shape [9, 1]") == true)
    for (place, wrong) in [(4, Int64(-1)), (0, 65536), (8, .max)] {
      var bad = labels
      bad[place] = wrong
      let path = files.write(npy(header("<i8", "(9,)"), bytes(bad)), to: "bad.npy")
      let error = #expect(throws: FileError.self) {
        try NpyRows(inputs: x, labels: NpyFile(path: path))
      }
      #expect(
        error?.offset == 128 + 8 * place
          && error?.what == "label \(wrong) of row \(place) is not one of 0 to 65535")
    }
  }

  /// B10: bytes are pixels as inputs but numbers as targets; targets have the same values in every
  /// type.
  @Test func targetsAreNumbersInEveryType() throws {
    let numbers: [Float] = [0, 1, 37, 255]
    let x = try NpyFile(
      path: files.write(npy(header("|u1", "(4,)"), numbers.map { UInt8($0) }), to: "x.npy"))
    for (type, data) in [
      ("|u1", numbers.map { UInt8($0) }), ("<i4", bytes(numbers.map { Int32($0) })),
      ("<i8", bytes(numbers.map { Int64($0) })),
      ("<f4", bytes(numbers)), ("<f8", bytes(numbers.map(Double.init))),
    ] {
      let rows = try NpyRows(
        inputs: x,
        targets: NpyFile(path: files.write(npy(header(type, "(4, 1)"), data), to: "y.npy")))
      var batch = Batch(capacity: 4, shape: rows.shape)
      try rows.fill(&batch, with: [0, 1, 2, 3])
      #expect(Array(batch.targets) == numbers, "\(type)")
      #expect(Array(batch.inputs) == numbers.map { $0 / 255 })
    }
  }

  /// B15: classes that some rows lack.
  @Test func classesThatRowsLackAreFound() throws {
    let x = try NpyFile(
      path: files.write(
        npy(header("<f4", "(5,)"), bytes([Float](repeating: 0, count: 5))), to: "x.npy")
    )
    let k = try NpyFile(
      path: files.write(
        npy(header("<i4", "(5,)"), bytes([0, 7, 3, 0, 9].map { Int32($0) })), to: "k.npy"))
    let rows = try NpyRows(inputs: x, labels: k)
    #expect(try rows[[1, 2, 3]].classes(missingIn: rows[[0, 4]]) == [3, 7])
    #expect(
      try rows[[3]].classes(missingIn: rows[[0]]) == []
        && NpyRows(inputs: x).classes(missingIn: NpyRows(inputs: x)) == [])
  }

  @Test func everyTruncationAndExtensionIsAnError() {
    let whole = npy(header("<f4", "(3, 5)"), [UInt8](repeating: 1, count: 60))
    #expect(failure(whole) == nil)
    for length in 0..<whole.count {
      #expect(failure(Array(whole[..<length])) != nil, "\(length) bytes")
    }
    #expect(
      failure(Array(whole[..<180]))
        == "byte 180: ends here: 60 bytes of data declared, 52 present; write the file again")
    #expect(
      failure(whole + [0])
        == "byte 188: goes on: 60 bytes of data declared, 61 present; write the file again")
    #expect(failure([]) == "byte 0: is empty; write the file again")
  }

  @Test func noDeclaredSizeIsTrusted() {
    for shape in [
      "(4611686018427387904, 4)", "(9223372036854775807,)", "(1000000000000, 1)",
      "(99999999999999999999,)",
    ] {
      #expect(failure(npy(header("<f8", shape), [1, 2, 3])) != nil)
    }
    #expect(
      failure(npy(header("<f4", "(1000000000000,)"), []))?.hasPrefix(
        "byte 128: ends here: 4000000000000 bytes") == true)
    // A header of 4 GB.
    #expect(
      failure([0x93] + Array("NUMPY".utf8) + [2, 0, 255, 255, 255, 255])
        == "byte 8: declares a header of 4294967295 bytes, at most 65536 are read; write the file again"
    )
    #expect(failure(npy("{" + String(repeating: "(", count: 60_000), [])) != nil)
  }

  @Test func whatCannotBeReadIsNamed() {
    let data = [UInt8](repeating: 0, count: 8)
    #expect(
      failure(npy(header("|O", "(1,)"), data))
        == "byte 20: has elements of type '|O'; it holds pickled Python objects: save numbers instead"
    )
    for type in [">f4", "<f2", "<c8", "<U4", "|b1", "<u2"] {
      #expect(
        failure(npy(header(type, "(1,)"), data))
          == "byte 20: has elements of type '\(type)'; save one of <f4, <f8, |u1, <i4, <i8")
    }
    #expect(
      failure(npy(header("<f4", "(1, 2)", fortran: true), data))
        == "byte 44: is in Fortran order; save numpy.ascontiguousarray(array)")
    #expect(
      failure(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", data))?
        .contains("is a structured array") == true)
    #expect(failure(npy(header("<f8", "()"), data))?.contains("is a single number") == true)
    #expect(
      failure(npy(header("<f8", "(0, 3)"), []))?.contains("has no elements: a dimension is 0")
        == true)
    #expect(
      failure(Array("1,2\n3,4\n".utf8))
        == "byte 0: is not a .npy file, which starts with \\x93NUMPY; write one array with numpy.save"
    )
    #expect(failure([0x50, 0x4B, 3, 4] + data)?.hasPrefix("byte 0: is an archive (.npz?)") == true)
    #expect(
      failure(npy(header("<f8", "(1,)"), data, version: 4))?.hasPrefix("byte 6: has version 4.0")
        == true)
    #expect(
      failure(npy("{'descr': '<f8', 'shape': (1,)}", data))
        == "byte 10: the header lacks 'fortran_order'; write the file again")
    #expect(
      failure(npy("{'descr': '<f8', 'descr': '<f4'}", data))?.contains("names 'descr' twice")
        == true)
    #expect(
      failure(npy(header("<f8", "(1,)") + "x", data))?.contains("goes on behind its dictionary")
        == true)
    for damaged in [
      "", "{", "{'descr", "{'descr' '<f8'}", "{'shape': (-1,)}", "{'shape': (1",
      "{'fortran_order': 0}", "{'colour': 1}",
    ] {
      #expect(failure(npy(damaged, data))?.contains(": the header") == true, "\(damaged)")
    }
  }

  @Test func aValueThatIsNoNumberIsAnErrorWhenItIsDrawn() throws {
    for wrong in [Float.nan, .infinity, -.infinity] {
      var numbers = [Float](repeating: 1, count: 40)
      numbers[27] = wrong
      let path = files.write(npy(header("<f4", "(4, 10)"), bytes(numbers)), to: "n.npy")
      let rows = try NpyRows(inputs: NpyFile(path: path))
      #expect(try inputs(rows, [0, 1, 3]) == [Float](repeating: 1, count: 30))
      let error = #expect(throws: FileError.self) { try inputs(rows, [1, 2]) }
      #expect(
        error?.description
          == "\(path): byte \(128 + 27 * 4): row 2, element 7: \(wrong) is no number to train on; replace it, or leave the row out"
      )
    }
    let large = files.write(npy(header("<f8", "(2,)"), bytes([1.0, 1e39])), to: "l.npy")
    #expect(
      #expect(throws: FileError.self) { try inputs(NpyRows(inputs: NpyFile(path: large)), [1]) }?
        .offset == 136)
  }
}
