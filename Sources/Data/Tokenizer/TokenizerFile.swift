import Files
import FoundationEssentials

/// What a `tokenizer.json` says, checked: of all that Hugging Face's format has, byte-level BPE as
/// GPT-2 has it is read, and anything else is refused by the name of its field.
struct TokenizerFile {
  private(set) var pieces: [[UInt8]] = []
  private(set) var byteTokens = [Int32](repeating: -1, count: 256)
  private(set) var merges: [UInt64: Tokenizer.Merge] = [:]
  private(set) var merged: [Int32] = []
  private(set) var added: [Tokenizer.Added] = []
  private let path: String

  init(_ bytes: [UInt8], path: String) throws(FileError) {
    self.path = path
    let content: Content
    do {
      content = try JSONDecoder().decode(Content.self, from: FoundationEssentials.Data(bytes))
    } catch let error as DecodingError {
      throw FileError(
        path, "is no tokenizer.json: \(Self.describe(error))",
        remedy: "give the file that the library tokenizers saves")
    } catch {
      throw FileError(path, "cannot be read: \(error)", remedy: "use another copy of the file")
    }
    try check(content)
    try readVocabulary(content)
    try readMerges(content.model)
  }

  /// The parts of the format that are looked at; others change no tokens.
  private struct Content: Decodable {
    var truncation: JSONPart?
    var padding: JSONPart?
    var addedTokens: [Added]?
    var normalizer: JSONPart?
    var preTokenizer: JSONPart?
    var postProcessor: JSONPart?
    var decoder: JSONPart?
    var model: Model

    enum CodingKeys: String, CodingKey {
      case truncation, padding, normalizer, decoder, model
      case addedTokens = "added_tokens"
      case preTokenizer = "pre_tokenizer"
      case postProcessor = "post_processor"
    }
  }

  private struct Added: Decodable {
    var id: Int
    var content: String
    var singleWord: Bool?
    var lstrip: Bool?
    var rstrip: Bool?
    var normalized: Bool?

    enum CodingKeys: String, CodingKey {
      case id, content, lstrip, rstrip, normalized
      case singleWord = "single_word"
    }
  }

  private struct Model: Decodable {
    var type: String?
    var dropout: Double?
    var unkToken: String?
    var continuingSubwordPrefix: String?
    var endOfWordSuffix: String?
    var byteFallback: Bool?
    var ignoreMerges: Bool?
    var vocab: [String: Int]
    var merges: [MergeText]

    enum CodingKeys: String, CodingKey {
      case type, dropout, vocab, merges
      case unkToken = "unk_token"
      case continuingSubwordPrefix = "continuing_subword_prefix"
      case endOfWordSuffix = "end_of_word_suffix"
      case byteFallback = "byte_fallback"
      case ignoreMerges = "ignore_merges"
    }
  }

  /// Two tokens, as a list or, in older files, with a space between them.
  private struct MergeText: Decodable {
    var (left, right) = ("", "")

    init(from decoder: any Decoder) throws {
      if let text = try? decoder.singleValueContainer().decode(String.self) {
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        if words.count == 2 { (left, right) = (String(words[0]), String(words[1])) }
      } else {
        let words = try decoder.singleValueContainer().decode([String].self)
        if words.count == 2 { (left, right) = (words[0], words[1]) }
      }
    }
  }

  private func refused(_ field: String, _ value: String) -> FileError {
    FileError(
      path, "\(field) is \(value), which is not read",
      remedy:
        "byte-level BPE is, as GPT-2 has it; encode with the library tokenizers and use data of kind tokens"
    )
  }

  private func check(_ content: Content) throws(FileError) {
    let empty = [
      ("truncation", content.truncation), ("padding", content.padding),
      ("normalizer", content.normalizer),
    ]
    for (field, part) in empty {
      if let part, !part.isNull { throw refused(field, part.name) }
    }
    guard let words = content.preTokenizer, !words.isNull else {
      throw refused("pre_tokenizer", "null")
    }
    for (field, part) in [
      ("pre_tokenizer", words), ("post_processor", content.postProcessor ?? .null),
      ("decoder", content.decoder ?? .null),
    ] where !part.isNull && part["type"] != .string("ByteLevel") {
      throw refused(field, part.name)
    }
    if words["add_prefix_space"] == .boolean(true) {
      throw refused("pre_tokenizer.add_prefix_space", "true")
    }
    if words["use_regex"] == .boolean(false) { throw refused("pre_tokenizer.use_regex", "false") }
    let model = content.model
    if let type = model.type, type != "BPE" { throw refused("model.type", "\"\(type)\"") }
    if let dropout = model.dropout, dropout != 0 { throw refused("model.dropout", "\(dropout)") }
    if model.byteFallback == true { throw refused("model.byte_fallback", "true") }
    if model.ignoreMerges == true { throw refused("model.ignore_merges", "true") }
    for (field, text) in [
      ("continuing_subword_prefix", model.continuingSubwordPrefix),
      ("end_of_word_suffix", model.endOfWordSuffix),
    ] {
      if let text, !text.isEmpty { throw refused("model.\(field)", "\"\(text)\"") }
    }
    for token in content.addedTokens ?? [] {
      let flags = [
        ("single_word", token.singleWord), ("lstrip", token.lstrip), ("rstrip", token.rstrip),
      ]
      for (field, value) in flags where value == true {
        throw refused("added_tokens: \(field) of \"\(token.content)\"", "true")
      }
    }
  }

  private mutating func readVocabulary(_ content: Content) throws(FileError) {
    let (vocabulary, others) = (content.model.vocab, content.addedTokens ?? [])
    let largest = max(vocabulary.values.max() ?? -1, others.map(\.id).max() ?? -1)
    guard largest < vocabulary.count + others.count else {
      throw damaged("model.vocab", "has no token for each number up to \(largest)")
    }
    var pieces = [[UInt8]?](repeating: nil, count: largest + 1)
    for (text, id) in vocabulary {
      guard pieces.indices.contains(id), pieces[id] == nil else {
        throw damaged("model.vocab", "has the token \(id) twice, or below 0")
      }
      pieces[id] = ByteAlphabet.bytes(of: text) ?? Array(text.utf8)
    }
    for token in others {
      guard pieces.indices.contains(token.id), !token.content.isEmpty else {
        throw damaged("added_tokens", "has an empty token, or one below 0")
      }
      pieces[token.id] = Array(token.content.utf8)
      added.append(
        Tokenizer.Added(
          bytes: Array(token.content.utf8), id: Int32(token.id),
          isNormalized: token.normalized ?? true))
    }
    if let missing = pieces.firstIndex(where: { $0 == nil }) {
      throw damaged("model.vocab", "has no token \(missing)")
    }
    self.pieces = pieces.map { $0! }
    for byte in UInt8.min...UInt8.max {
      if let id = vocabulary[String(ByteAlphabet.characters[Int(byte)])] {
        byteTokens[Int(byte)] = Int32(id)
      }
    }
    if let unknown = content.model.unkToken, byteTokens.contains(-1) {
      throw refused("model.unk_token", "\"\(unknown)\" and not every byte is a token")
    }
  }

  private mutating func readMerges(_ model: Model) throws(FileError) {
    merges.reserveCapacity(model.merges.count)
    for (rank, merge) in model.merges.enumerated() {
      guard let left = model.vocab[merge.left], let right = model.vocab[merge.right],
        let whole = model.vocab[merge.left + merge.right]
      else {
        throw damaged("model.merges[\(rank)]", "is not of two tokens that make a third")
      }
      // Of equal pairs the last counts, as in the library.
      merges[Tokenizer.pair(Int32(left), Int32(right))] = Tokenizer.Merge(
        rank: UInt32(rank), id: Int32(whole))
      merged.append(Int32(whole))
    }
  }

  private func damaged(_ field: String, _ what: String) -> FileError {
    FileError(path, "\(field) \(what)", remedy: "use another copy of the file")
  }

  /// Where a document is not as wanted, as a path of fields, and how.
  private static func describe(_ error: DecodingError) -> String {
    func place(_ context: DecodingError.Context) -> String {
      let path = context.codingPath.map { key in key.intValue.map { "[\($0)]" } ?? key.stringValue }
      return path.isEmpty ? "it" : path.joined(separator: ".")
    }
    return switch error {
    case .keyNotFound(let key, let context):
      "\(place(context)) has no \(key.stringValue)"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      "\(place(context)) has a value of another type"
    default: "it is no JSON"
    }
  }
}

/// A part of a JSON document of which a field or two count.
private enum JSONPart: Decodable, Equatable {
  case null
  case boolean(Bool)
  case string(String)
  case object([String: JSONPart])
  /// Anything else.
  case other

  init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .null
    } else if let flag = try? value.decode(Bool.self) {
      self = .boolean(flag)
    } else if let text = try? value.decode(String.self) {
      self = .string(text)
    } else if let fields = try? value.decode([String: JSONPart].self) {
      self = .object(fields)
    } else {
      self = .other
    }
  }

  var isNull: Bool { self == .null }

  subscript(field: String) -> JSONPart? {
    if case .object(let fields) = self { fields[field] } else { nil }
  }

  /// As a message names it: by its type, where it has one.
  var name: String {
    switch self {
    case .object(let fields):
      if case .string(let type)? = fields["type"] { "of type \"\(type)\"" } else { "an object" }
    case .string(let text): "\"\(text)\""
    case .boolean(let flag): "\(flag)"
    case .null: "null"
    case .other: "a value of another type"
    }
  }
}
