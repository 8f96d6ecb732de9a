/// The bytes that a text may hold; a token is a byte's index among them, sorted.
public struct Vocabulary: Sendable, Equatable {
  /// Distinct, ascending.
  public let bytes: [UInt8]
  /// The token of each of the 256 bytes; −1 for one that the vocabulary lacks.
  let tokens: [Int32]

  public init(_ bytes: some Sequence<UInt8>) {
    self.bytes = Set(bytes).sorted()
    var tokens = [Int32](repeating: -1, count: 256)
    for (token, byte) in self.bytes.enumerated() { tokens[Int(byte)] = Int32(token) }
    self.tokens = tokens
  }

  /// The bytes that occur, by how often each of the 256 does.
  public init(counts: [Int]) {
    self.init(counts.indices.lazy.filter { counts[$0] > 0 }.map(UInt8.init))
  }

  public var count: Int { bytes.count }

  /// The token of a byte; nil where the vocabulary lacks it.
  public func token(of byte: UInt8) -> Int32? { tokens[Int(byte)] < 0 ? nil : tokens[Int(byte)] }
}
