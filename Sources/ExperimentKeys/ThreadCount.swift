/// With how many threads a rank computes: a number, or as many as it has cores for.
///
/// As text, in experiment files and on command lines, it is the number or `auto`.
public enum ThreadCount: Sendable, Equatable, CustomStringConvertible {
  case fixed(Int)
  /// The cores of a rank's machine, divided by the ranks there.
  case auto

  /// The largest number that is taken.
  public static let most = 1024

  /// Reads a number from 1 to ``most``, or `auto`; nil for anything else.
  public init?(_ text: String) {
    if text == "auto" {
      self = .auto
    } else if let number = Int(text), (1...Self.most).contains(number) {
      self = .fixed(number)
    } else {
      return nil
    }
  }

  /// The number; nil for `auto`.
  public var number: Int? { if case .fixed(let number) = self { number } else { nil } }

  public var description: String { number.map(String.init) ?? "auto" }
}

/// As JSON it is its text.
extension ThreadCount: Decodable {
  public init(from decoder: any Decoder) throws {
    let values = try decoder.singleValueContainer()
    guard let count = ThreadCount(try values.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(
        in: values, debugDescription: "neither a number of threads nor auto")
    }
    self = count
  }
}

extension KeyForm<ThreadCount> {
  static var threads: Self {
    Self(.mixed, wanted: "a whole number from 1 to \(ThreadCount.most), or \"auto\"") {
      switch $0 {
      case .integer(let number) where (1...ThreadCount.most).contains(number): .fixed(number)
      case .string("auto"): .auto
      default: nil
      }
    } write: {
      $0.number.map(String.init) ?? tomlString($0.description)
    }
  }
}

extension ExperimentReader {
  /// A number of threads, or `auto`.
  package mutating func threads(_ key: String, default fallback: ThreadCount, _ help: String)
    throws(ExperimentError) -> ThreadCount
  {
    try value(key, default: fallback, as: .threads, help)
  }
}
