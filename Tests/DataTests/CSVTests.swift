import Data
import Files
import RankTesting
import Testing
import Vectors

@Suite struct CSVTests {
  let files = TemporaryFolder()

  private func table(_ text: String, _ columns: CSVColumns = CSVColumns(), name: String = "t.csv")
    throws(FileError) -> CSVTable
  {
    try CSVTable(path: files.write(Array(text.utf8), to: name), columns: columns)
  }

  /// The message that reading ends with, without the path.
  private func failure(_ text: String, _ columns: CSVColumns = CSVColumns()) -> String? {
    failure(Array(text.utf8), columns)
  }

  private func failure(_ bytes: [UInt8], _ columns: CSVColumns = CSVColumns()) -> String? {
    let path = files.write(bytes, to: "f.csv")
    do {
      _ = try CSVTable(path: path, columns: columns)
      return nil
    } catch {
      #expect(error.path == path && !error.description.contains("\n"))
      return String(error.description.dropFirst(path.count + 2))
    }
  }

  private func rows(_ table: CSVTable) -> [[Double]] {
    (0..<table.rowCount).map { table.withRow($0) { Array($0) } }
  }

  @Test func readsWhatProgramsWrite() throws {
    let expected: [[Double]] = [[1, -2.5, 3e-7], [0.1, 12_345_678_901_234_568, 1e30]]
    for text in [
      "a,b,c\n1,-2.5,3e-7\n.1,12345678901234567,1E+30\n",
      "a,b,c\r\n1,-2.5,3e-7\r\n.1,12345678901234567,1E+30",
      "1,-2.5,3e-7\n0.1,12345678901234567,1e30",
    ] {
      let table = try table(text)
      #expect(rows(table) == expected)
      #expect(table.names == (text.hasPrefix("1") ? nil : ["a", "b", "c"]))
      #expect(table.inputs == [0, 1, 2] && table.targets == [] && table.label == nil)
    }
    let quoted = try table("\u{FEFF}\"a, \"\"b\"\"\n\",\"c\"\n\n\"1\" , -2.5 \n\n3,\"0.1\"\r\n\r\n")
    #expect(quoted.names == ["a, \"b\"", "c"] && rows(quoted) == [[1, -2.5], [3, 0.1]])
    let path = files.write(gzip(Array("a;b\n1;2\n3;4\n".utf8)), to: "t.csv.gz")
    #expect(
      rows(try CSVTable(path: path, columns: CSVColumns(separator: UInt8(ascii: ";")))) == [
        [1, 2], [3, 4],
      ])
  }

  /// Every number is read as Swift's own parser reads it.
  @Test func numbersAreExact() throws {
    var stream = RandomStream(3)
    var numbers: [Double] = [
      0, -0.0, .leastNonzeroMagnitude, 2024 * .leastNonzeroMagnitude, 0.1 + 0.2,
      Double(Float.greatestFiniteMagnitude), 0x1p53 - 1,
    ]
    while numbers.count < 3000 {
      let number = Double(bitPattern: stream.next())
      if number.isFinite, abs(number) < 3e38 { numbers.append(number) }
    }
    let table = try table(numbers.map { "\($0)" }.joined(separator: "\n"))
    #expect(rows(table).map { $0[0].bitPattern } == numbers.map(\.bitPattern))
  }

  @Test func columnsAreFoundByNameAndIndex() throws {
    let text = "id,x,y,kind\nA-1,1,2,cat\nA-2,3,4,ant\nA-3,5,6,cat\n"
    let named = try table(text, CSVColumns(label: .name("kind"), ignored: [.name("id")]))
    #expect(
      named.inputs == [1, 2] && named.classNames == ["ant", "cat"] && named.labels == [1, 0, 1])
    #expect(rows(named) == [[1, 2], [3, 4], [5, 6]])
    let indexed = try table(
      text, CSVColumns(targets: [.index(2)], ignored: [.index(0), .index(-1)], header: true))
    #expect(
      indexed.inputs == [1] && indexed.targets == [2]
        && rows(indexed) == [[1, 2], [3, 4], [5, 6]])
  }

  @Test func classesFollowTheirValuesOrTheirBytes() throws {
    let numbers = try table("1,10\n2,9\n3,100\n4,9\n", CSVColumns(label: .index(1)))
    #expect(numbers.classNames == ["9", "10", "100"] && numbers.labels == [1, 0, 2, 0])
    let words = try table("1,10\n2,9\n3,b\n", CSVColumns(label: .index(-1)))
    #expect(words.classNames == ["10", "9", "b"] && words.labels == [0, 1, 2])
  }

  @Test func wrongCellsAreNamedWithTheirPlace() {
    let remedy =
      "correct it, or leave the row out; a column of categories goes into data.categories, one of other things into data.ignore"
    let missing = "fill it in, or set data.missing to \"mean\" or \"drop\""
    #expect(
      failure("x,y\n1,2\n3,\n") == "byte 10: line 3, column \"y\": the value is missing; \(missing)"
    )
    #expect(
      failure("1,2\n3,4\n5,6,7\n")
        == "byte 8: line 3: 3 cells, the first row has 2; give every row the same number of cells")
    #expect(
      failure("1,2\n3\n")
        == "byte 4: line 2: 1 cell, the first row has 2; give every row the same number of cells")
    for word in ["nan", "NaN", "NA", "?"] {
      #expect(
        failure("1,2\n3,\(word)\n")
          == "byte 6: line 2, column 1 (counted from 0): \"\(word)\" says that the value is missing; \(missing); if it is a category, name the column in data.categories",
        "\(word)")
    }
    for word in ["inf", "-inf", "0x10", "1e", "--1", "1 2", "1e5x"] {
      #expect(
        failure("1,2\n3,\(word)\n")
          == "byte 6: line 2, column 1 (counted from 0): \"\(word)\" is not a number; \(remedy)",
        "\(word)")
    }
    #expect(
      failure("1,2\n1e39,3\n")
        == "byte 4: line 2, column 0 (counted from 0): 1e39 is too large for Float32; correct it, or leave the row out"
    )
    // A first row of some numbers is data: the error names the key for a header.
    #expect(
      failure("1,x\n2,y\n", CSVColumns(targets: [.index(1)]))
        == "byte 2: line 1, column 1 (counted from 0): \"x\" is not a number; if line 1 holds names, set data.header = true"
    )
    #expect(
      failure("a\n1\n", CSVColumns(header: false))
        == "byte 2: line 2, column 0 (counted from 0): 1 is a number, but there are words above it; if line 1 holds names, set data.header = true"
    )
    #expect(
      failure("x,k\n1,a\n2,\n", CSVColumns(label: .name("k")))
        == "byte 10: line 3, column \"k\": the class is missing; fill it in, or set data.missing = \"drop\""
    )
    #expect(
      failure(gzip(Array("x\n1\nz\n".utf8)))
        == "byte 4: (of the decompressed text) line 3, column \"x\": \"z\" is not a number; \(remedy)"
    )
  }

  @Test func wrongFilesAreNamed() {
    #expect(failure("") == "byte 0: is empty; give a CSV file with at least one row")
    #expect(failure("\n\r\n\n") == "byte 0: is empty; give a CSV file with at least one row")
    #expect(
      failure("a,b\n")
        == "byte 0: has a header and no rows; give rows, or set data.header = false if line 1 is one"
    )
    #expect(
      failure("a,b\n1,\"2\n3,4\n")
        == "byte 6: line 2: a quote that is opened here is never closed; close it")
    #expect(
      failure("a,b\n1,\"2\"3\n")
        == "byte 9: line 2: '3' (0x33) follows a closing quote; double a quote within quotes")
    #expect(
      failure([0x31, 0x0A, 0x00, 0x0A])
        == "byte 2: line 2: a NUL byte, which no text holds; give a CSV file in UTF-8 or ASCII")
    #expect(
      failure("1,\"" + String(repeating: "2\n", count: 100_000))
        == "byte 2: line 1: a cell of more than 65536 bytes begins here; close its quote, or give a CSV file"
    )
    let wide = String(repeating: "1,", count: 1_000_000) + "1\n"
    #expect(
      failure("x,\"y\nz\u{1B}[31m\"\n1,2\n3,\"4\n5\"\n")?.contains(
        "column \"y z [31m\": \"4 5\" is not a number") == true)
    #expect(
      failure(wide)
        == "byte 131072: line 1: more than 65536 columns; give data this wide as a .npy file")
    #expect(rowsOf(String(repeating: "1,", count: 65_535) + "1\n")?.count == 1)
    let compressed = gzip(Array((0..<300).map { "\($0),\($0 * $0)\n" }.joined().utf8))
    for length in stride(from: 2, to: compressed.count, by: 3) {
      #expect(
        failure(Array(compressed[..<length]))?.hasPrefix(
          "byte \(length): the gzip data are cut off here") == true)
    }
  }

  private func rowsOf(_ text: String) -> [[Double]]? { (try? table(text)).map(rows) }

  @Test func unknownColumnsAreAnsweredWithTheNearest() {
    let text = "alcohol,ash,hue\n1,2,3\n"
    #expect(
      failure(text, CSVColumns(targets: [.name("alcohl")]))
        == "byte 0: line 1: there is no column \"alcohl\"; did you mean \"alcohol\"?")
    #expect(
      failure(text, CSVColumns(label: .name("quality")))
        == "byte 0: line 1: there is no column \"quality\"; there are alcohol, ash, hue")
    #expect(
      failure(text, CSVColumns(label: .index(3)))
        == "byte 0: line 1: there is no column 3; name one of 0 to 2, or -1 for the last")
    #expect(failure(text, CSVColumns(label: .index(-4)))?.contains("there is no column -4") == true)
    #expect(
      failure("1,2\n", CSVColumns(label: .name("a")))
        == "byte 0: line 1: the file has no header, so that no column is called \"a\"; name columns by index, counted from 0, or set "
        + "data.header = true if line 1 holds names")
    #expect(
      failure("a,b,a\n1,2,3\n", CSVColumns(label: .name("a")))
        == "byte 0: line 1: 2 columns are called \"a\"; name it by index: 0 or 2")
    #expect(
      failure(text, CSVColumns(targets: [.name("ash")], ignored: [.index(1)]))
        == "byte 8: line 1, column \"ash\": is named for two purposes; name each column once")
    #expect(
      failure(text, CSVColumns(targets: [.index(0), .index(1), .index(2)]))
        == "byte 0: line 1: no column is left for inputs; name fewer as targets, label or ignored")
  }

  /// Against the definition, in Double, with values far from 0.
  @Test func standardizesByTheRowsTrainedOn() throws {
    let count = 37
    let values = (0..<count).map { (row: Int) -> [Double] in
      let first = Double(row * row % 17) / 3
      return [1e6 + first, 4.5, Double(row) - 20]
    }
    let lines = values.map { row in row.map { "\($0)" }.joined(separator: ",") }
    let text = "a,b,y\n" + lines.joined(separator: "\n")
    let table = try table(text, CSVColumns(targets: [.name("y")]))
    let heldOut = TrainTestSplit(of: count, fraction: 0.2, seed: 9)
    for standardize in [true, false] {
      let layout = try table.layout(heldOut, standardize: standardize)
      #expect(layout.trainRows == 30 && layout.testRows == 7)
      #expect(layout.encoding.inputs.map(\.column.name) == ["a", "b"])
      #expect(layout.encoding.targets == [TableEncoding.Column(name: "y", index: 2)])
      let memory = Bytes(layout.byteCount)
      table.write(heldOut, into: memory.bytes, layout: layout)
      var mean = 0.0
      for row in heldOut.train { mean += values[Int(row)][0] / 30 }
      var variance = 0.0
      for row in heldOut.train {
        variance += (values[Int(row)][0] - mean) * (values[Int(row)][0] - mean) / 30
      }
      for (part, rows) in [(Table.Part.train, heldOut.train), (.test, heldOut.test)] {
        let set = Table(
          part, in: UnsafeRawBufferPointer(memory.bytes), keeping: memory, layout: layout)
        #expect(set.count == rows.count && set.shape == SampleShape(inputs: 2, targets: 1))
        var batch = Batch(capacity: rows.count, shape: set.shape)
        let order = Array((0..<UInt32(rows.count)).reversed())
        try set.fill(&batch, with: order[...])
        for (place, sample) in order.enumerated() {
          let row = values[Int(rows[Int(sample)])]
          let first = standardize ? Float((row[0] - mean) / variance.squareRoot()) : Float(row[0])
          #expect(abs(batch.inputs[2 * place] - first) <= first.ulp * 4)
          #expect(batch.inputs[2 * place + 1] == (standardize ? 0 : 4.5))
          #expect(batch.targets[place] == Float(row[2]))
        }
      }
    }
  }

  @Test func rowsAreHeldOutBySeed() {
    for (count, fraction, held) in [
      (100, 0.1, 10), (1797, 0.1, 180), (2, 0.1, 1), (2, 0.99, 1), (10, 0.04, 1),
    ] {
      let parts = TrainTestSplit(of: count, fraction: fraction, seed: 4)
      #expect(
        parts.test.count == held && (parts.train + parts.test).sorted() == Array(0..<UInt32(count)))
      #expect(parts.train == parts.train.sorted() && parts.test == parts.test.sorted())
      #expect(parts == TrainTestSplit(of: count, fraction: fraction, seed: 4))
    }
    #expect(
      TrainTestSplit(of: 100, fraction: 0.1, seed: 4)
        != TrainTestSplit(of: 100, fraction: 0.1, seed: 5))
    let none = TrainTestSplit(of: 3, fraction: 0, seed: 4)
    #expect(none.train == [0, 1, 2] && none.test == [0, 1, 2])
    // Each of 10 rows is held out as often: 3 of 10 in 4000 draws is 1200 ± 29; five deviations.
    var times = [Int](repeating: 0, count: 10)
    for seed in 0..<4000 {
      for row in TrainTestSplit(of: 10, fraction: 0.3, seed: UInt64(seed)).test {
        times[Int(row)] += 1
      }
    }
    #expect(times.allSatisfy { abs($0 - 1200) < 145 }, "\(times)")
  }
}

/// Memory that a test allocates.
final class Bytes: @unchecked Sendable {
  let bytes: UnsafeMutableRawBufferPointer
  init(_ count: Int) { bytes = .allocate(byteCount: count, alignment: 64) }
  deinit { bytes.deallocate() }
}
