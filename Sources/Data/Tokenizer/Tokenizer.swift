import Files

/// A byte-level BPE tokenizer, GPT-2's, as Hugging Face's `tokenizers` writes it into
/// `tokenizer.json`.
///
/// A text is cut at added tokens, then into words by GPT-2's pattern, and the bytes of each word are
/// merged, the pair that comes first in the list of merges first. ``TokenizerEncoder`` does it.
public final class Tokenizer: Sendable {
  /// A token that is found in a text as it is, before the text is cut into words.
  struct Added: Sendable, Equatable {
    var bytes: [UInt8]
    var id: Int32
    /// Whether it is looked for after those that are not, among what these leave.
    var isNormalized: Bool
  }

  /// What two neighboring tokens become, and how early.
  struct Merge: Sendable {
    var rank: UInt32
    var id: Int32
  }

  /// The file it was read from, whole: a weights file keeps it.
  public let text: String
  /// The bytes of each token.
  public let pieces: [[UInt8]]
  /// The token of each of the 256 bytes; −1 for one that has none.
  let byteTokens: [Int32]
  /// By ``pair(_:_:)``.
  let merges: [UInt64: Merge]
  /// What the merges make, by their rank.
  let merged: [Int32]
  let added: [Added]

  /// The largest file that is read.
  static let largest = 64 << 20

  /// Reads a `tokenizer.json`.
  /// - Throws: where it is none, or asks for what is not done here: the message names the field.
  public convenience init(path: String) throws(FileError) {
    let bytes = try InputFile(path).all(limit: Self.largest)
    try self.init(bytes, path: path)
  }

  /// Reads the text of a `tokenizer.json`; `path` is the file that messages name.
  public init(_ bytes: [UInt8], path: String) throws(FileError) {
    let file = try TokenizerFile(bytes, path: path)
    text = String(decoding: bytes, as: UTF8.self)
    (pieces, byteTokens, added) = (file.pieces, file.byteTokens, file.added)
    (merges, merged) = (file.merges, file.merged)
  }

  /// How many tokens there are.
  public var count: Int { pieces.count }

  static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  /// A number for the whole of it, by which two hosts' files are compared.
  public var fingerprint: UInt64 {
    text.utf8.reduce(14_695_981_039_346_656_037) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
  }
}
