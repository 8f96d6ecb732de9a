import Files
import RankTesting
import TensorFiles
import Testing

@Suite struct SHA256Tests {
  /// FIPS 180-4's examples, as NIST publishes them.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      String(repeating: "a", count: 1_000_000),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    ),
  ])
  func digestsAreThoseOfTheStandard(text: String, expected: String) throws {
    let bytes = Array(text.utf8)
    #expect(SHA256.digest(of: bytes.span.bytes) == expected)
    var hash = SHA256()
    for start in stride(from: 0, to: bytes.count, by: 777) {
      hash.update(bytes.span.extracting(start..<min(start + 777, bytes.count)).bytes)
    }
    #expect(hash.finish() == expected)
    let files = TemporaryFolder()
    #expect(try SHA256.digest(ofFile: files.write(bytes, to: "text")) == expected)
  }

  @Test func aFileLongerThanOnePieceIsReadWhole() throws {
    let bytes = (0..<(5 << 19) + 3).map { UInt8(truncatingIfNeeded: $0 * 31) }
    let files = TemporaryFolder()
    #expect(
      try SHA256.digest(ofFile: files.write(bytes, to: "long"))
        == SHA256.digest(of: bytes.span.bytes))
    #expect(throws: FileError.self) { try SHA256.digest(ofFile: files.path + "/no") }
  }
}
