import FoundationEssentials

extension DataContext where Self: ~Copyable {
  /// Rank 0's value, on every rank. Collective; two messages' worth of its JSON.
  borrowing func broadcast<Value: Codable>(json value: Value?) throws -> Value {
    var words: [Int64] = []
    if let value {
      let bytes = [UInt8](try JSONEncoder().encode(value))
      words = [Int64](repeating: 0, count: 1 + (bytes.count + 7) / 8)
      words[0] = Int64(bytes.count)
      words.withUnsafeMutableBytes { words in
        for (index, byte) in bytes.enumerated() { words[8 + index] = byte }
      }
    }
    let known = try broadcast(words)
    let bytes = known.withUnsafeBytes { [UInt8]($0[8..<8 + Int(known[0])]) }
    return try JSONDecoder().decode(Value.self, from: FoundationEssentials.Data(bytes))
  }
}
