import Data
import Files
import FoundationEssentials
import RankTesting
import Testing
import Vectors

/// Rows of other files as the inputs of a model that has been trained.
@Suite struct InputRowsTests {
  private let files = TemporaryFolder()

  private func encoding(_ text: String, _ columns: CSVColumns) throws -> TableEncoding {
    let table = try CSVTable(path: files.write(text, to: "trained.csv"), columns: columns)
    return try table.encoding(
      TrainTestSplit(of: table.rowCount, fraction: 0, seed: 1), standardize: true)
  }

  /// All inputs, read by blocks of two rows, and which rows are incomplete.
  private func read(_ text: String, _ encoding: TableEncoding) throws -> (
    values: [Float], incomplete: [Int]
  ) {
    let shape = encoding.shape
    let rows = try openInputRows(
      files.write(text, to: "new.csv"), for: TrainedInputs(samples: shape, encoding: encoding))
    var batch = Batch(capacity: 2, shape: shape)
    var (values, incomplete, count): ([Float], [Int], Int) = ([], [], 0)
    while true {
      try rows.read(into: &batch)
      if batch.count == 0 { return (values, incomplete) }
      values += batch.inputs[..<(batch.count * shape.inputs)]
      incomplete += rows.incomplete.map { $0 + count }
      count += batch.count
    }
  }

  @Test func columnsAreFoundByName() throws {
    let encoding = try encoding(
      "a,colour,zip,k\n1,red,10,u\n3,blue,9,v\n5,red,10,u\n",
      CSVColumns(label: .name("k"), categories: [.name("zip")], missing: .mean))
    let new = "zip, colour ,a\n9,red,3\n10.0,blue,\n,NA,5\n"
    let (values, incomplete) = try read(new, encoding)
    let deviation = Float((8.0 / 3).squareRoot())
    let rows: [[Float]] = [
      [0, 0, 1, 1, 0], [0, 1, 0, 0, 1], [2 / deviation, 1 / 3, 2 / 3, 1 / 3, 2 / 3],
    ]
    #expect(zip(values, rows.joined()).allSatisfy { abs($0 - $1) < 1e-6 }, "\(values)")
    #expect(values.count == 15 && incomplete.isEmpty)
  }

  @Test func columnsWithoutNamesAreFoundByPlace() throws {
    let encoding = try encoding("1,u,10\n3,v,30\n", CSVColumns(label: .index(1)))
    #expect(!encoding.hasNames)
    #expect(try read("3,u,30\n1,w,10\n", encoding).values == [1, 1, -1, -1])
    #expect(try read("3,30\n1,10\n", encoding).values == [1, 1, -1, -1])
    #expect {
      try read("3\n", encoding)
    } throws: {
      "\($0)".contains("has 1 column, the table trained on 3, of which 1 are to be predicted")
    }
  }

  @Test func rowsThatTrainingLeavesOutAreIncomplete() throws {
    let encoding = try encoding(
      "a,b,y\n1,2,1\n2,3,2\n", CSVColumns(targets: [.name("y")], missing: .drop))
    let (values, incomplete) = try read("a,b\n1,2\n?,3\n2,2\n1,NaN\n1,2\n", encoding)
    #expect(incomplete == [1, 3] && values.count == 10 && values.allSatisfy(\.isFinite))
  }

  /// Encodings of files that were written before they named all of this.
  @Test func anOlderEncodingIsRead() throws {
    let text =
      #"{"classes":["a","b"],"inputs":[{"column":{"index":0,"name":"x"},"means":[1],"offset":1,"scale":2}],"label":{"index":1,"name":"k"},"missing":"error","targets":[]}"#
    let encoding = try JSONDecoder().decode(
      TableEncoding.self, from: FoundationEssentials.Data(text.utf8))
    #expect(encoding.ignored.isEmpty && encoding.separator == "," && encoding.hasNames)
    #expect(!encoding.inputs[0].isDeclared)
    #expect(try read("x\n5\n", encoding).values == [2])
  }
}
