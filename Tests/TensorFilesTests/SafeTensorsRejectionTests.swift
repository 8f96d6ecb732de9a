import Files
import RankTesting
import TensorFiles
import Testing

/// Files that break one rule each, among them files that other readers accept or crashed on.
@Suite struct SafeTensorsRejectionTests {
  let files = TemporaryFolder()

  private func failure(_ bytes: [UInt8]) -> FileError? {
    do {
      _ = try SafeTensors(path: files.write(bytes, to: "input"))
      return nil
    } catch { return error }
  }

  private static func entry(
    _ name: String, _ shape: String, _ begin: String, _ end: String, type: String = "F32"
  ) -> String {
    #""\#(name)":{"dtype":"\#(type)","shape":\#(shape),"data_offsets":[\#(begin),\#(end)]}"#
  }

  @Test(arguments: [
    // Accepted elsewhere.
    (
      "{" + entry("a", "[1]", "0", "4") + "," + entry("a", "[1]", "0", "4") + "}", 4,
      "key \"a\" occurs twice"
    ),
    (
      "{" + entry("a", "[1]", "0", "4") + "," + entry(#"\u0061"#, "[1]", "4", "8") + "}", 8,
      "key \"a\" occurs twice"
    ),
    (
      #"{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 4,
      "key \"dtype\" occurs twice"
    ),
    (#"{"__metadata__":{"k":"1","k":"2"}}"#, 0, "key \"k\" occurs twice"),
    (#"{"__metadata__":{},"__metadata__":{}}"#, 0, "key \"__metadata__\" occurs twice"),
    (" {" + entry("a", "[1]", "0", "4") + "}", 4, "does not start with {"),
    // Places.
    (
      "{" + entry("a", "[1]", "0", "4") + "," + entry("b", "[1]", "2", "6") + "}", 6,
      "\"b\" overlaps"
    ),
    ("{" + entry("a", "[1]", "0", "4") + "," + entry("b", "[1]", "0", "4") + "}", 4, "overlaps"),
    (
      "{" + entry("a", "[1]", "0", "4") + "," + entry("b", "[1]", "8", "12") + "}", 12,
      "\"b\" leaves a hole"
    ),
    ("{" + entry("a", "[1]", "4", "8") + "}", 8, "\"a\" leaves a hole"),
    ("{" + entry("a", "[1]", "0", "4") + "}", 5, "continues after the last tensor"),
    ("{" + entry("a", "[1]", "0", "4") + "}", 3, "ends here"),
    ("{}", 1, "continues after the last tensor"),
    ("{" + entry("a", "[1]", "4", "0") + "}", 4, "takes 4 bytes by its shape"),
    ("{" + entry("a", "[1]", "-4", "0") + "}", 4, "natural number"),
    ("{" + entry("a", "[1]", "0", "18446744073709551620") + "}", 4, "too large"),
    (
      "{" + entry("a", "[2305843009213693950]", "9223372036854775000", "9223372036854775800") + "}",
      4, "takes 9223372036854775800 bytes"
    ),
    (
      "{" + entry("a", "[]", "9223372036854775803", "9223372036854775807") + "}", 4,
      "takes 4 bytes by its shape"
    ),
    // Shapes and types.
    ("{" + entry("a", "[2]", "0", "4") + "}", 4, "takes 8 bytes by its shape"),
    ("{" + entry("a", "[4194305,4194305,211106198978564]", "0", "4") + "}", 4, "overflows"),
    ("{" + entry("a", "[-1]", "0", "4") + "}", 4, "natural number"),
    ("{" + entry("a", "[1.0]", "0", "4") + "}", 4, "natural number"),
    ("{" + entry("a", "[1e0]", "0", "4") + "}", 4, "natural number"),
    ("{" + entry("a", "[01]", "0", "4") + "}", 4, "natural number"),
    ("{" + entry("a", "[1]", "0", "4", type: "F33") + "}", 4, "unknown type \"F33\""),
    ("{" + entry("a", "[1]", "0", "4", type: "f32") + "}", 4, "unknown type \"f32\""),
    (#"{"a":{"shape":[1],"data_offsets":[0,4]}}"#, 4, "lacks a dtype"),
    (#"{"a":{"dtype":"F32","data_offsets":[0,4]}}"#, 4, "lacks a dtype"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#, 4, "two data_offsets"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}"#, 4, "two data_offsets"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}"#, 4, "unknown key \"x\""),
    (#"{"a":[]}"#, 0, "an object is expected"),
    (#"{"__metadata__":{"k":1}}"#, 0, "a string is expected"),
    (#"{"__metadata__":{"k":null}}"#, 0, "a string is expected"),
    (#"{"__metadata__":"k"}"#, 0, "an object is expected"),
    // JSON.
    ("{", 0, "ends here"),
    ("{ ", 0, "a string is expected"),
    ("{} x", 0, "something follows"),
    ("{}{}", 0, "something follows"),
    (#"{"__metadata__":{},}"#, 0, "a string is expected"),
    (#"{"__metadata__" {}}"#, 0, "a colon is expected"),
    (#"{"__metadata__":{}"#, 0, "a comma or the end"),
    (#"{"a":{"dtype":"F32","shape":[1,],"data_offsets":[0,4]}}"#, 4, "natural number"),
    (#"{"a":{"dtype":"F32","shape":[1"#, 0, "a comma or the end of the array"),
    (#"{"abc"#, 0, "a string does not end"),
    (#"{"a\"#, 0, "a string does not end"),
    (#"{"a\q":{}}"#, 0, "unknown escape"),
    (#"{"a\u12G4":{}}"#, 0, "four hexadecimal digits"),
    (#"{"a\uD800":{}}"#, 0, "surrogate"),
    (#"{"a\uDC00\uD800":{}}"#, 0, "surrogate"),
    ("{\"a\nb\":{}}", 0, "control character"),
    (#"{"a":"# + String(repeating: "[", count: 100_000), 0, "an object is expected"),
  ])
  func aBrokenRuleIsNamed(json: String, data: Int, expected: String) {
    let error = failure(safetensors(json, data: data))
    #expect(
      error?.what.contains(expected) == true, "\(error?.what ?? "accepted"): \(json.prefix(200))")
    #expect(error?.offset != nil)
    #expect(error?.description.contains("\n") == false)
  }

  @Test func invalidUTF8IsRejected() {
    for bytes: [UInt8] in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82]] {
      let error = failure(
        safetensors(Array("{\"__metadata__\":{\"k\":\"".utf8) + bytes + Array("\"}}".utf8), data: 0)
      )
      #expect(error?.what == "a string is not valid UTF-8")
      #expect(error?.offset == 8 + 22)
    }
  }

  @Test func aHeaderThatIsTooLongIsRejectedUnread() {
    #expect(
      failure(safetensors("{}", data: 0, length: 3))?.what
        == "declares a header of 3 bytes in a file of 10")
    #expect(
      failure(safetensors("{}", data: 0, length: 100_000_000))?.what
        == "declares a header of 100000000 bytes in a file of 10")
    for length in [100_000_001, UInt64(Int.max), .max, .max - 7] {
      #expect(
        failure(safetensors("{}", data: 0, length: length))?.what
          == "declares a header of \(length) bytes, over 100000000")
    }
  }

  @Test func anInvalidFileIsNamed() {
    #expect(throws: FileError.self) { try SafeTensors(path: files.path) }
    let error = #expect(throws: FileError.self) { try SafeTensors(path: files.path + "/no") }
    #expect(
      error?.description
        == "\(files.path)/no: cannot be opened: No such file or directory; check the path and its permissions"
    )
  }

  @Test(arguments: [
    ("{}", 0), ("{}      ", 0),
    // Empty tensors share an offset with their neighbours, in any order of the keys.
    (
      "{" + entry("a", "[1]", "0", "4") + "," + entry("z", "[0]", "0", "0") + ","
        + entry("y", "[3,0]", "4", "4") + "}", 4
    ),
    ("{" + entry("b", "[1]", "4", "8") + "," + entry("a", "[]", "0", "4") + "}", 8),
    (#"{"\ud83d\ude00":{"shape":[ 1 ] , "data_offsets" : [0,4],"dtype":"F32"}}"#, 4),
  ])
  func whatTheFormatAllowsIsAccepted(json: String, data: Int) {
    #expect(failure(safetensors(json, data: data)) == nil)
  }
}
