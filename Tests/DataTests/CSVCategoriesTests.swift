import Data
import Files
import FoundationEssentials
import RankTesting
import Testing
import Vectors

/// Categories as inputs, missing values, and what a table's columns became.
@Suite struct CSVCategoriesTests {
  let files = TemporaryFolder()

  private func table(_ text: String, _ columns: CSVColumns = CSVColumns()) throws(FileError)
    -> CSVTable
  {
    try CSVTable(path: files.write(Array(text.utf8), to: "t.csv"), columns: columns)
  }

  private func failure(_ text: String, _ columns: CSVColumns = CSVColumns()) -> String? {
    do {
      _ = try table(text, columns)
      return nil
    } catch {
      #expect(error.path == "\(files.path)/t.csv" && !error.description.contains("\n"))
      return String(error.description.dropFirst(error.path.count + 2))
    }
  }

  /// All samples' inputs and targets, the rows trained on and those held out.
  private func samples(
    _ table: CSVTable, _ heldOut: TrainTestSplit, standardize: Bool = false
  ) throws -> (encoding: TableEncoding, train: [[Float]], test: [[Float]], labels: [Int32]) {
    let layout = try table.layout(heldOut, standardize: standardize)
    let memory = Bytes(layout.byteCount)
    table.write(heldOut, into: memory.bytes, layout: layout)
    var labels: [Int32] = []
    func rows(_ part: Table.Part) throws -> [[Float]] {
      let set = Table(
        part, in: UnsafeRawBufferPointer(memory.bytes), keeping: memory, layout: layout)
      var batch = Batch(capacity: set.count, shape: set.shape)
      // What an earlier batch left must not show.
      for index in batch.inputs.indices { batch.inputs[index] = .nan }
      try set.fill(&batch, with: Array(0..<UInt32(set.count))[...])
      if part == .train { labels = Array(batch.labels) }
      let (inputs, targets) = (set.shape.inputs, set.shape.targets)
      return (0..<set.count).map {
        Array(batch.inputs[$0 * inputs..<($0 + 1) * inputs])
          + Array(batch.targets[$0 * targets..<($0 + 1) * targets])
      }
    }
    return (layout.encoding, try rows(.train), try rows(.test), labels)
  }

  private func whole(_ count: Int) -> TrainTestSplit {
    TrainTestSplit(of: count, fraction: 0, seed: 1)
  }

  @Test func wordsAreAnInputForEachInTheirOrder() throws {
    let text = "age,colour,size,price\n1,red,8,10\n2,blue,9,20\n3,\"red\",7,30\n4, green ,6,40\n"
    let table = try table(text, CSVColumns(targets: [.name("price")]))
    let (encoding, rows, _, _) = try samples(table, whole(4))
    // age, blue, green, red, size, and the target.
    #expect(
      rows == [
        [1, 0, 0, 1, 8, 10], [2, 1, 0, 0, 9, 20], [3, 0, 0, 1, 7, 30], [4, 0, 1, 0, 6, 40],
      ])
    #expect(encoding.shape == SampleShape(inputs: 5, targets: 1))
    #expect(encoding.inputs.map(\.categories) == [nil, ["blue", "green", "red"], nil])
    #expect(encoding.inputs[1].means == [0.25, 0.25, 0.5] && encoding.inputs[0].means == [2.5])
    #expect(table.notes.isEmpty)
    // Standardised are numbers alone.
    let scaled = try samples(table, whole(4), standardize: true)
    let deviation = 1.25.squareRoot()
    #expect(scaled.train[1] == [Float(-0.5 / deviation), 1, 0, 0, Float(1.5 / deviation), 20])
    #expect(scaled.encoding.inputs[0].offset == 2.5 && scaled.encoding.inputs[0].scale == deviation)
  }

  @Test func numbersAreCategoriesWhereTheUserSaysSo() throws {
    let text = "class,x\n10,1\n9,2\n9.0,3\n100,4\n"
    let table = try table(text, CSVColumns(categories: [.name("class")]))
    let (encoding, rows, _, _) = try samples(table, whole(4))
    #expect(encoding.inputs[0].categories == ["9", "10", "100"])
    #expect(rows == [[0, 1, 0, 1], [1, 0, 0, 2], [1, 0, 0, 3], [0, 0, 1, 4]])
  }

  /// One misspelt number does not make a column one of categories, nor the other way round.
  @Test func aColumnHasOneSortOfCells() {
    #expect(
      failure("x,y\n1,a\n2,3\n")
        == "byte 10: line 3, column \"y\": 3 is a number, but there are words above it; correct them; if it is a category, name the column in data.categories"
    )
    #expect(
      failure("x,y\n1,3\n2,a\n")
        == "byte 10: line 3, column \"y\": \"a\" is not a number; correct it, or leave the row out; a column of categories goes into data.categories, one of other things into data.ignore"
    )
    #expect(failure("x,y\n1,3\n2,a\n", CSVColumns(categories: [.name("y")])) == nil)
    #expect(
      failure("x,y\n1,3\n", CSVColumns(targets: [.name("y")], categories: [.name("y")]))
        == "byte 2: line 1, column \"y\": is named for two purposes; name each column once")
  }

  @Test func missingValuesBecomeMeans() throws {
    let text = "a,b,k\n1,red,u\n,red,v\n4,,u\nNA,blue,u\n7,?,v\n"
    for (columns, word) in [
      (CSVColumns(label: .name("k")), "the value is missing"),
      (CSVColumns(label: .name("k"), ignored: [.name("a")]), "the value is missing"),
    ] {
      #expect(failure(text, columns)?.contains(word) == true)
    }
    let table = try table(text, CSVColumns(label: .name("k"), missing: .mean))
    let third = Float(1) / 3
    let (encoding, rows, _, labels) = try samples(table, whole(5))
    #expect(
      rows == [
        [1, 0, 1], [4, 0, 1], [4, third, 2 * third], [4, 1, 0], [7, third, 2 * third],
      ])
    #expect(labels == [0, 1, 0, 0, 1] && encoding.classes == ["u", "v"])
    #expect(encoding.inputs[0].means == [4])
    #expect(
      table.notes == [
        "\(files.path)/t.csv: 4 missing values became the mean of the rows trained on: 2 of \"a\", 2 of \"b\""
      ])
    // Standardised, the mean is 0, and a missing value deviates by nothing: 18 is the sum of squares.
    let scaled = try samples(table, whole(5), standardize: true).train
    let deviation = (18.0 / 5).squareRoot()
    let distances: [Double] = [-3, 0, 0, 0, 3]
    let expected = distances.map { Float($0 / deviation) }
    #expect(scaled.map { $0[0] } == expected)
    #expect(
      failure("a,y\n1,2\n2,\n", CSVColumns(targets: [.name("y")], missing: .mean))
        == "byte 10: line 3, column \"y\": the value is missing; fill it in, or set data.missing = \"drop\""
    )
  }

  @Test func rowsThatLackAValueAreLeftOut() throws {
    let text = "a,b,k\n,1,u\n1,2,u\n2,NaN,u\n3,4,\n4,5,w\n5,6,v\n6,,v\n"
    let table = try table(text, CSVColumns(label: .name("k"), missing: .drop))
    let (encoding, rows, _, labels) = try samples(table, whole(3))
    #expect(rows == [[1, 2], [4, 5], [5, 6]] && labels == [0, 2, 1])
    #expect(encoding.classes == ["u", "v", "w"])
    #expect(
      table.notes == [
        "\(files.path)/t.csv: 4 of 7 rows lack a value and were left out (data.missing)"
      ])
    // The rows left out are counted where a message names one.
    let layout = try table.layout(whole(3), standardize: false)
    let memory = Bytes(layout.byteCount)
    table.write(whole(3), into: memory.bytes, layout: layout)
    let set = Table(
      .train, in: UnsafeRawBufferPointer(memory.bytes), keeping: memory, layout: layout,
      from: "t.csv")
    #expect(
      set.refusal(of: .input(1), in: 1, "is wrong", remedy: "")?.what
        == "row 5 of the data, column \"b\": is wrong")
    #expect(
      failure("a,b\n1,\n,2\n", CSVColumns(missing: .drop))
        == "each of its 2 rows lacks a value, so that all were left out; set data.missing = \"mean\", or put columns that are often empty into data.ignore"
    )
    #expect(failure("a,b,c\n1,,2\n3,,4\n", CSVColumns(ignored: [.index(1)], missing: .drop)) == nil)
  }

  /// A category that only a held-out row has, with its line.
  @Test func theRowsTrainedOnDecide() throws {
    let heldOut = TrainTestSplit(of: 20, fraction: 0.2, seed: 1)
    func text(_ word: (UInt32) -> String) -> String {
      "x,c\n" + (UInt32(0)..<20).map { "\($0),\(word($0))\n" }.joined()
    }
    let row = Int(heldOut.test[1])
    let rare = try table(text { $0 == heldOut.test[1] ? "rare" : $0 % 2 == 0 ? "a" : "b" })
    let error = #expect(throws: FileError.self) {
      try rare.layout(heldOut, standardize: true)
    }
    #expect(
      error?.what
        == "line \(row + 2), column \"c\": this row is held out for testing, and no row trained on has its category"
    )
    var offset = 4 + "\(row),".utf8.count
    for before in 0..<row { offset += "\(before),a\n".utf8.count }
    #expect(error?.offset == offset)
    // One that only rows trained on have is a category like others.
    let known = try table(text { $0 == heldOut.train[3] ? "rare" : "a" })
    let (encoding, train, test, _) = try samples(known, heldOut)
    #expect(encoding.inputs[1].categories == ["a", "rare"])
    #expect(encoding.inputs[1].means == [15.0 / 16, 1.0 / 16])
    #expect(train.map { $0[2] }.reduce(0, +) == 1 && test.allSatisfy { $0[1] == 1 && $0[2] == 0 })
    // Means are of the rows trained on, as are categories.
    let lacking = try table(
      "x,c\n" + (UInt32(0)..<20).map { $0 == heldOut.test[0] ? ",\n" : "\($0),a\n" }.joined(),
      CSVColumns(missing: .mean))
    var mean = 0.0
    for row in heldOut.train { mean += Double(row) / 16 }
    #expect(try samples(lacking, heldOut).test[0] == [Float(mean), 1])
    let empty = try table(
      "x,c\n"
        + (UInt32(0)..<20).map { heldOut.test.contains($0) ? "\($0),1\n" : "\($0),\n" }
        .joined(), CSVColumns(missing: .mean))
    #expect(
      #expect(throws: FileError.self) { try empty.layout(heldOut, standardize: false) }?.what
        .contains("column \"c\": no row trained on has a value here") == true)
  }

  /// Another table, whose columns are found by their names.
  @Test func anotherTableIsReadByTheEncoding() throws {
    let first = try table(
      "a,colour,zip,k\n1,red,10,u\n2,blue,9,v\n6,red,10,u\n",
      CSVColumns(label: .name("k"), categories: [.name("zip")], missing: .mean))
    let encoding = try first.encoding(whole(3), standardize: true)
    #expect(encoding.inputs.map(\.isDeclared) == [false, false, true])
    func open(_ text: String) throws(FileError) -> CSVTable {
      try CSVTable(
        path: files.write(Array(text.utf8), to: "other.csv"), columns: CSVColumns(missing: .mean),
        as: encoding)
    }
    let other = try open("k,extra,zip,colour,a\nv,x,9.0,blue,3\nu,y,10,NA,\n")
    #expect(
      other.inputs == [4, 3, 2] && other.labels == [1, 0] && other.classNames == ["u", "v"])
    let layout = Table.Layout(encoding, trainRows: 2, testRows: 0)
    let memory = Bytes(layout.byteCount)
    other.write(whole(2).train, into: memory.bytes, layout: layout)
    let set = Table(
      .train, in: UnsafeRawBufferPointer(memory.bytes), keeping: memory, layout: layout)
    var batch = Batch(capacity: 2, shape: set.shape)
    try set.fill(&batch, with: [0, 1])
    let (third, two) = (Float(1.0 / 3), Float(2.0 / 3))
    // The mean of a is 3; of zip 9 comes first.
    #expect(Array(batch.inputs) == [0, 1, 0, 1, 0, 0, third, two, 0, 1])
    for (text, what) in [
      (
        "a,colour,zip,k\n1,green,9,u\n",
        "line 2, column \"colour\": no row trained on has this category"
      ),
      (
        "a,colour,zip,k\n1,red,9,u\n1,red,11,u\n",
        "line 3, column \"zip\": no row trained on has this category"
      ),
      ("a,colour,zip,k\n1,red,9,w\n", "line 2, column \"k\": no row trained on has this class"),
      ("a,color,zip,k\n1,red,9,u\n", "line 1: there is no column \"colour\""),
      ("a,colour,zip,k\nx,red,9,u\n", "line 2, column \"a\": \"x\" is not a number"),
    ] {
      let error = #expect(throws: FileError.self) { try open(text) }
      #expect(error?.what == what, "\(text)")
    }
  }

  @Test func categoriesHaveBounds() {
    let many = "x,c\n" + (0..<5000).map { "1,w\($0)\n" }.joined()
    #expect(
      failure(many)?.hasSuffix(
        "line 4098, column \"c\": more than 4096 categories; put the column into data.ignore")
        == true)
    let long = String(repeating: "w", count: 257)
    #expect(
      failure("x,c\n1,\(long)\n")?.hasSuffix(
        "is longer than the 256 bytes of a category; put the column into data.ignore") == true)
  }

  @Test func anEncodingIsWrittenAndReadAsJSON() throws {
    let table = try table(
      "a,b,k\n0.1,red,u\n,blue,v\n", CSVColumns(label: .name("k"), missing: .mean))
    let encoding = try table.encoding(whole(2), standardize: true)
    let text = try JSONEncoder().encode(encoding)
    #expect(try JSONDecoder().decode(TableEncoding.self, from: text) == encoding)
    #expect(encoding.isPossible(for: encoding.shape))
    #expect(!encoding.isPossible(for: SampleShape(inputs: 4, labels: 1, classes: 2)))
  }
}
