import Data
import ExperimentKeys
import Files
import Foundation
import RankTesting
import Testing
import Vectors

/// Golden numbers are those of the library tokenizers 0.23.3 from PyPI, which trained and saved
/// `tokenizer.json` and encoded the texts of `encoded.json`.
@Suite struct TokenizerTests {
  struct Encoded: Decodable {
    var text: String
    var ids: [Int32]
  }

  let files = TemporaryFolder()
  private let bytes: [UInt8]

  init() throws { bytes = [UInt8](try Data(contentsOf: Self.golden("tokenizer.json"))) }

  private static func golden(_ name: String) throws -> URL {
    try #require(Bundle.module.url(forResource: "Golden", withExtension: nil)).appending(path: name)
  }

  /// The golden file with a value put at a path of fields.
  private func changed(_ path: [String], to value: Any) throws -> [UInt8] {
    func change(_ node: Any, _ rest: ArraySlice<String>) -> Any {
      guard let key = rest.first else { return value }
      if var list = node as? [Any], let place = Int(key) {
        list[place] = change(list[place], rest.dropFirst())
        return list
      }
      var table = node as? [String: Any] ?? [:]
      table[key] = change(table[key] ?? NSNull(), rest.dropFirst())
      return table
    }
    let tree = try JSONSerialization.jsonObject(with: Data(bytes))
    return [UInt8](try JSONSerialization.data(withJSONObject: change(tree, path[...])))
  }

  private func failure(_ bytes: [UInt8]) -> String? {
    do {
      _ = try Tokenizer(bytes, path: "t.json")
      return nil
    } catch { return error.description }
  }

  @Test func textsHaveTheTokensOfTheLibrary() throws {
    let cases = try JSONDecoder().decode(
      [Encoded].self, from: Data(contentsOf: Self.golden("encoded.json")))
    #expect(cases.count > 300)
    let tree = try #require(
      try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    let model = try #require(tree["model"] as? [String: Any])
    let merges = try #require(model["merges"] as? [[String]])
    // Files of earlier versions have a space between two tokens.
    let earlier = try changed(["model", "merges"], to: merges.map { $0.joined(separator: " ") })
    for file in [bytes, earlier] {
      let tokenizer = try Tokenizer(file, path: "tokenizer.json")
      #expect(tokenizer.count == 702)
      var encoder = TokenizerEncoder(tokenizer)
      for text in cases {
        let utf8 = Array(text.text.utf8)
        let ids = try encoder.encode(utf8)
        #expect(ids == text.ids, "\(text.text.debugDescription)")
        #expect(ids.flatMap { tokenizer.pieces[Int($0)] } == utf8)
      }
    }
  }

  /// The whole default text, where it is there.
  @Test func aLongTextHasTheTokensOfTheLibrary() throws {
    guard let text = FileManager.default.contents(atPath: TextKind.kingJames) else { return }
    var encoder = TokenizerEncoder(try Tokenizer(bytes, path: "tokenizer.json"))
    let start = ContinuousClock.now
    let ids = try encoder.encode([UInt8](text))
    print("\(text.count) bytes, \(ids.count) tokens in \(ContinuousClock.now - start)")
    #expect(ids.count == 1_998_471)
    #expect(
      ids.reduce(14_695_981_039_346_656_037 as UInt64) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
        == 0x25f8_0f87_df82_992c)
  }

  @Test func aLongWordIsQuick() throws {
    let tokenizer = try Tokenizer(bytes, path: "tokenizer.json")
    var encoder = TokenizerEncoder(tokenizer)
    let text = Array(String(repeating: "theand", count: 20_000).utf8)
    let ids = try encoder.encode(text)
    #expect(ids.flatMap { tokenizer.pieces[Int($0)] } == text && ids.count < 120_000)
  }

  @Test(arguments: [
    (["normalizer"], #"{"type":"NFC"}"#, "normalizer is of type \"NFC\""),
    (["truncation"], #"{"max_length":3}"#, "truncation is an object"),
    (["padding"], "true", "padding is true"),
    (["pre_tokenizer"], "null", "pre_tokenizer is null"),
    (["pre_tokenizer"], #"{"type":"Whitespace"}"#, "pre_tokenizer is of type \"Whitespace\""),
    (["pre_tokenizer", "add_prefix_space"], "true", "pre_tokenizer.add_prefix_space is true"),
    (["pre_tokenizer", "use_regex"], "false", "pre_tokenizer.use_regex is false"),
    (["post_processor"], #"{"type":"TemplateProcessing"}"#, "post_processor is of type"),
    (["decoder"], #"{"type":"WordPiece"}"#, "decoder is of type \"WordPiece\""),
    (["model", "type"], #""Unigram""#, "model.type is \"Unigram\""),
    (["model", "dropout"], "0.5", "model.dropout is 0.5"),
    (["model", "byte_fallback"], "true", "model.byte_fallback is true"),
    (["model", "ignore_merges"], "true", "model.ignore_merges is true"),
    (["model", "end_of_word_suffix"], #""</w>""#, "model.end_of_word_suffix is \"</w>\""),
    (["added_tokens", "1", "lstrip"], "true", "added_tokens: lstrip of \"<tab>\" is true"),
  ])
  func whatIsNotReadIsRefusedByName(_ path: [String], _ value: String, _ line: String) throws {
    let part = try JSONSerialization.jsonObject(with: Data(value.utf8), options: .fragmentsAllowed)
    let found = try #require(failure(try changed(path, to: part)), "\(path)")
    #expect(found.hasPrefix("t.json: \(line)"), "\(found)")
    #expect(found.contains("which is not read; byte-level BPE is") && !found.contains("\n"))
  }

  @Test func damagedFilesAreRefused() throws {
    #expect(failure(Array("{".utf8))?.hasPrefix("t.json: is no tokenizer.json: ") == true)
    #expect(failure([0xFF, 0xFE]) != nil && failure([]) != nil)
    #expect(failure(Array("{}".utf8))?.contains("it has no model") == true)
    #expect(
      failure(try changed(["model", "merges", "3"], to: "zz qq"))?.contains(
        "model.merges[3] is not of") == true)
    #expect(
      failure(try changed(["model", "vocab"], to: ["a": 0, "b": 5]))?.contains(
        "no token for each number up to 701") == true)
    #expect(
      failure(try changed(["model", "vocab", "the"], to: 1))?.contains("model.vocab has") == true)
    #expect(
      failure(try changed(["model", "vocab", "the"], to: -4))?.contains("or below 0") == true)
    #expect(
      failure(try changed(["model", "vocab", "the"], to: "x"))?.contains("another type") == true)
    for count in stride(from: 0, to: bytes.count, by: 997) {
      #expect(failure(Array(bytes[..<count])) != nil)
    }
  }

  private func kind(_ text: [UInt8], _ keys: String) throws -> TextKind {
    files.write(bytes, to: "tokenizer.json")
    let source =
      "[data]\npath = \"\(files.write(text, to: "x.txt"))\"\ntokenizer = \"\(files.path("tokenizer.json"))\"\n\(keys)"
    var reader = try ExperimentReader(text: source, source: "x", overrides: [])
    try reader.enter("data")
    return try TextKind(&reader)
  }

  @Test func aTextIsCutIntoSamplesOfTokens() throws {
    let text = Array("In the beginning God created the heaven and the earth.\n".utf8)
    var encoder = TokenizerEncoder(try Tokenizer(bytes, path: "tokenizer.json"))
    let long = Array(repeating: text, count: 9).flatMap { $0 }
    let ids = try encoder.encode(long)
    for packed in [long, gzip(long)] {
      let kind = try kind(packed, "context = 5\nvalidation = 0.25")
      let data = try kind.open(seed: 1, on: OneRank())
      #expect(try kind.outline() == data.train.shape && data.train.shape.classes == 702)
      let count = (ids.count - 1) / 5
      #expect(data.train.count + data.test.count == count && data.test.count == (count + 2) / 4)
      for (set, first) in [(data.train, 0), (data.test, data.train.count)] {
        var batch = Batch(capacity: set.count, shape: set.shape)
        try set.fill(&batch, with: (0..<UInt32(set.count)).map { $0 }[...])
        let range = first * 5..<(first + set.count) * 5
        #expect(Array(batch.tokens) == Array(ids[range]))
        #expect(Array(batch.labels) == Array(ids[range.lowerBound + 1...range.upperBound]))
      }
    }
    let other = files.write(Array(text[..<30]), to: "other.txt")
    let data = try kind(long, "context = 5\nvalidation_path = \"\(other)\"").open(
      seed: 1, on: OneRank())
    #expect(data.train.count == (ids.count - 1) / 5)
    #expect(data.test.count == (try encoder.encode(Array(text[..<30])).count - 1) / 5)
  }

  @Test func textsThatHaveNoTokensAreRefused() throws {
    func failure(_ text: [UInt8], _ keys: String = "") -> String? {
      do {
        _ = try kind(text, keys).open(seed: 1, on: OneRank())
        return nil
      } catch { return "\(error)".replacing(files.path + "/", with: "") }
    }
    #expect(
      failure(Array("good ".utf8) + [0xC3, 0x28])?.hasPrefix(
        "x.txt: byte 5: the text is not UTF-8 here") == true)
    #expect(failure(Array("abc".utf8))?.contains("one sample of context 64 takes 65") == true)
  }
}
