import Foundation
import RankTesting
import Recording
import Testing

struct JSONTextTests {
  private func json(_ write: (inout JSONText) -> Void) -> String {
    var text = JSONText()
    write(&text)
    return text.string
  }

  @Test func keysKeepTheirOrderAndPunctuationIsRight() {
    let text = json {
      $0.object {
        $0.field("z", 1)
        $0.field("a", ["x", "y"])
        $0.field("m", object: [NamedNumber("k", 0.5), NamedNumber("b", nil)])
        $0.key("empty")
        $0.object { _ in }
        $0.key("none")
        $0.array([Int]()) { $0.value($1) }
        $0.field("last", nil as String?)
      }
    }
    #expect(
      text == #"{"z":1,"a":["x","y"],"m":{"k":0.5,"b":null},"empty":{},"none":[],"last":null}"#)
  }

  @Test(arguments: [
    0.1, 1e-5, .leastNonzeroMagnitude, 1.7976931348623157e308, -0.0, 1e16, 123456789.125, 1 / 3.0,
    Double.leastNormalMagnitude / 3,
  ])
  func aDoubleIsReadBackBitForBit(number: Double) throws {
    let text = json { $0.array([number]) { $0.value($1) } }
    let back = try #require(try JSONDecoder().decode([Double].self, from: Data(text.utf8)).first)
    #expect(back.bitPattern == number.bitPattern)
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity])
  func aDoubleThatIsNotFiniteIsNull(number: Double) {
    #expect(json { $0.value(number) } == "null")
  }

  @Test func everyControlCharacterAndQuoteSurvivesAnotherParser() throws {
    let all = (0...0x9F).map { String(UnicodeScalar(UInt8($0))) }.joined() + "\"\\/é€😀"
    let text = json { $0.array([all]) { $0.value($1) } }
    #expect(!text.utf8.contains { $0 < 0x20 })
    let parsed = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String])
    #expect(parsed == [all])
  }

  @Test func indentedTextIsTheSameValue() throws {
    let compact = JSONText(of: Samples.report).string
    let indented = JSONText(of: Samples.report, indented: true).string
    #expect(indented.contains("\n  \"verdict\": \"noise-floor\",\n"))
    let values = try [compact, indented].map {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as? NSDictionary
    }
    #expect(values[0] == values[1])
  }

  /// A record of 40 tensors takes no more than three times what it takes to make strings of its
  /// numbers: some 20 µs, by the CPU.
  @Test func aStepRecordTakesLittleMoreThanItsNumbers() {
    var record = Samples.step
    record.norm.layers = (0..<40).map {
      NamedNumber("transformer.h.\($0).attn.c_attn.weight", 1 / Double($0 + 3))
    }
    var bytes = 0
    func written() { bytes += JSONText(of: record).bytes.count }
    func described() {
      for layer in record.norm.layers { bytes += "\"\(layer.name)\":\(layer.value!)".utf8.count }
    }
    // The processor's time, in turns: other programs do not lengthen it, or both alike.
    func seconds(_ body: () -> Void) -> Double {
      let start = processorSeconds()
      for _ in 0..<2000 { body() }
      return processorSeconds() - start
    }
    let ratios = (0..<9).map { _ in seconds(written) / seconds(described) }.sorted()
    #expect(bytes > 0)
    #expect(ratios[4] < 3, "\(ratios)")
  }
}
