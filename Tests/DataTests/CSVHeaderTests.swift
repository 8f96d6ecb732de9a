import Data
import Files
import RankTesting
import Testing

/// The first rows that hold names, the cells that are one class, and the ends of lines (B15).
@Suite struct CSVHeaderTests {
  let files = TemporaryFolder()

  private func table(_ text: String, _ columns: CSVColumns = CSVColumns()) throws(FileError)
    -> CSVTable
  {
    try CSVTable(path: files.write(Array(text.utf8), to: "t.csv"), columns: columns)
  }

  /// A header is a row whose column has no number in it and only numbers from there on, whatever
  /// its other cells are.
  @Test func headersAreFoundByColumns() throws {
    let codes = try table(
      "0,1,2,colour\n5.1,3.5,1.4,0\n4.9,3,1.4,1\n", CSVColumns(label: .index(-1)))
    #expect(
      codes.names == ["0", "1", "2", "colour"] && codes.rowCount == 2
        && codes.classNames == ["0", "1"] && codes.notes.isEmpty)
    // A missing value decides nothing; here it is in a column that is not used.
    let missing = try table("id,2019\n,5\n7,6\n", CSVColumns(ignored: [.index(0)]))
    #expect(missing.names == ["id", "2019"] && missing.rowCount == 2)
    // Words in the first row and below are data, also where a column has a word only in the first
    // and one other row.
    let words = try table("5.1,3.5,red\n4.9,3.0,blue\n4.7,3.2,red\n", CSVColumns(label: .index(2)))
    #expect(
      words.names == nil && words.rowCount == 3 && words.classNames == ["blue", "red"]
        && words.notes.isEmpty)
    let mixed = try table("1,2,a\n3,4,7\n5,6,b\n7,8,a\n", CSVColumns(label: .index(2)))
    #expect(mixed.names == nil && mixed.rowCount == 4)
  }

  /// Years, or the numbers that pandas gives to columns, are data by default, with a note;
  /// `data.header` makes them names.
  @Test(arguments: [
    ("2019,2020,2021,2022\n5,6,7,9\n8,9,11,11\n", "2022"),
    ("0,1,2,colour\n5.1,3.5,1.4,red\n4.9,3,1.4,blue\n1,2,9,red\n4,5,1,blue\n", "colour"),
  ])
  func namesThatAreNumbersAreForced(_ text: String, _ last: String) throws {
    let rows = text.split(separator: "\n").count
    for (header, isHeader) in [(nil, false), (true, true), (false, false)] as [(Bool?, Bool)] {
      let table = try table(text, CSVColumns(label: .index(-1), header: header))
      #expect(
        table.rowCount == rows - (isHeader ? 1 : 0) && (table.names?.last == last) == isHeader)
      #expect(table.notes.count == (header == nil ? 1 : 0))
    }
    let note = try #require(table(text, CSVColumns(label: .index(-1))).notes.first)
    #expect(note.contains("line 1 is read as data") && note.contains("data.header = true"))
  }

  @Test func ordinaryTablesHaveNoNote() throws {
    for text in [
      "1,2,3\n2,3,4\n", "1,2\n7,9\n", "0,1,2,red\n5,5,5,red\n1,1,1,blue\n2,2,2,blue\n",
      "3,1,2\n1,2,3\n",
    ] {
      let table = try table(text, CSVColumns(label: .index(-1)))
      #expect(table.names == nil && table.notes.isEmpty, "\(text)")
    }
  }

  @Test func labelsThatAreNumbersAreClassesByValue() throws {
    let text = "x,k\n1,1\n2,1.0\n3,2e0\n4,+2\n5,-0\n6,0\n7,10\n8,1.00\n"
    let table = try table(text, CSVColumns(label: .name("k")))
    #expect(
      table.classNames == ["0", "1", "+2", "10"] && table.labels == [1, 1, 2, 2, 0, 0, 3, 1])
    // In a column with a word they are words.
    let words = try self.table("x,k\n1,1\n2,1.0\n3,b\n", CSVColumns(label: .name("k")))
    #expect(words.classNames == ["1", "1.0", "b"] && words.labels == [0, 1, 2])
  }

  @Test func aClassInHeldOutRowsOnlyIsNoted() throws {
    let heldOut = TrainTestSplit(of: 20, fraction: 0.2, seed: 1)
    func text(_ label: (UInt32) -> String) -> String {
      (UInt32(0)..<20).map { "\($0 * $0),\(label($0))\n" }.joined()
    }
    let rare = try table(
      text {
        heldOut.test.contains($0) && $0 == heldOut.test[0] ? "rare" : $0 % 2 == 0 ? "a" : "b"
      }, CSVColumns(label: .index(1)))
    #expect(
      rare.missingClasses(heldOut)?.hasSuffix(
        "class rare occurs in held-out rows only, so that nothing trained on has it") == true)
    let two = try table(
      text { heldOut.test.contains($0) ? $0 % 2 == 0 ? "c" : "d" : "a" },
      CSVColumns(label: .index(1)))
    #expect(
      two.missingClasses(heldOut)?.contains("classes (c, d) occur")
        ?? (Set(heldOut.test.map { $0 % 2 }).count == 1))
    let common = try table(
      text { $0 == heldOut.train[0] ? "rare" : "a" }, CSVColumns(label: .index(1)))
    #expect(common.missingClasses(heldOut) == nil)
  }

  /// Lines that end in CR alone, as old Macs wrote them and spreadsheets still can: they are rows
  /// like others, and errors name their line.
  @Test func linesMayEndInReturns() throws {
    let text = "x,y\n1,2\n\n\"3\n4\",5\n6,7"
    let columns = CSVColumns(ignored: [.index(0)])
    let truth = try table(text, columns)
    for ending in ["\r", "\r\n", "\r\r\n"] {
      // Within quotes a line's end is part of the cell.
      let other = try table(text.replacing("\n", with: ending), columns)
      #expect(other.names == truth.names && other.rowCount == truth.rowCount)
      for row in 0..<truth.rowCount {
        #expect(truth.withRow(row) { Array($0) } == other.withRow(row) { Array($0) })
      }
    }
    let error = #expect(throws: FileError.self) { try table("x,y\r1,2\r3,z\r") }
    #expect(
      error?.offset == 10
        && error?.what.hasPrefix("line 3, column \"y\": \"z\" is not a number") == true)
  }
}
