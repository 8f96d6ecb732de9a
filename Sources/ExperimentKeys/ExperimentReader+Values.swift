// The calls that read keys. Each declares its key: the type, the default, the bounds and, in its
// last argument, the meaning: a phrase for people, in which other keys are in backticks.
extension ExperimentReader {
  /// Text.
  public mutating func string(_ key: String, default fallback: String, _ help: String)
    throws(ExperimentError) -> String
  {
    try value(key, default: fallback, as: .string, help)
  }

  /// Text; nil where the key is not given.
  public mutating func string(optional key: String, _ help: String) throws(ExperimentError)
    -> String?
  {
    try value(optional: key, as: .string, help)
  }

  /// A path: relative to the experiment file's folder, or, when given on the command line, to the
  /// working directory. Resolved to absolute; nil where the key is not given.
  public mutating func path(_ key: String, _ help: String) throws(ExperimentError) -> String? {
    try value(optional: key, as: .path(in: folder(of: key)), help)
  }

  /// A path that has to be given; `missing` is the error about an experiment without it.
  public mutating func path(
    needed key: String, example: String, missing: String, _ help: String
  ) throws(ExperimentError) -> String {
    try value(
      needed: key, example: example, missing: missing, as: .path(in: folder(of: key)), help)
  }

  /// `true` or `false`.
  public mutating func boolean(_ key: String, default fallback: Bool, _ help: String)
    throws(ExperimentError) -> Bool
  {
    try value(key, default: fallback, as: .boolean, help)
  }

  /// `true` or `false`; nil where the key is not given.
  public mutating func boolean(optional key: String, _ help: String) throws(ExperimentError)
    -> Bool?
  {
    try value(optional: key, as: .boolean, help)
  }

  /// A whole number within bounds; an upper bound of `Int.max` is none.
  public mutating func integer(
    _ key: String, default fallback: Int, in range: ClosedRange<Int>, _ help: String
  ) throws(ExperimentError) -> Int {
    try value(key, default: fallback, as: .integer(in: range), help)
  }

  /// A whole number within bounds; nil where the key is not given.
  public mutating func integer(
    optional key: String, in range: ClosedRange<Int>, _ help: String
  ) throws(ExperimentError) -> Int? {
    try value(optional: key, as: .integer(in: range), help)
  }

  /// A list of whole numbers, each within bounds.
  public mutating func integers(
    _ key: String, default fallback: [Int], in range: ClosedRange<Int>, _ help: String
  ) throws(ExperimentError) -> [Int] {
    try value(
      key, default: fallback,
      as: .list(
        of: .integer(in: range), wanted: "a list of whole numbers of at least \(range.lowerBound)"),
      help)
  }

  /// A finite number within bounds; an infinite bound is none.
  public mutating func number(
    _ key: String, default fallback: Double, in range: ClosedRange<Double>, _ help: String
  ) throws(ExperimentError) -> Double {
    try value(key, default: fallback, as: .number(in: range), help)
  }

  /// A finite number from a bound to below another.
  public mutating func number(
    _ key: String, default fallback: Double, in range: Range<Double>, _ help: String
  ) throws(ExperimentError) -> Double {
    try value(key, default: fallback, as: .number(in: range), help)
  }

  /// A finite number that `accepts` agrees to; `wanted` says in words what that is.
  public mutating func number(
    _ key: String, default fallback: Double, wanted: String, _ help: String,
    _ accepts: @escaping (Double) -> Bool
  ) throws(ExperimentError) -> Double {
    try value(key, default: fallback, as: .number(wanted: wanted, accepts), help)
  }

  /// A finite number that `accepts` agrees to; nil where the key is not given.
  public mutating func number(
    optional key: String, wanted: String, _ help: String, _ accepts: @escaping (Double) -> Bool
  ) throws(ExperimentError) -> Double? {
    try value(optional: key, as: .number(wanted: wanted, accepts), help)
  }

  /// A finite number that has to be given; `missing` is the error about an experiment without it.
  public mutating func number(
    needed key: String, example: Double, missing: String, wanted: String, _ help: String,
    _ accepts: @escaping (Double) -> Bool
  ) throws(ExperimentError) -> Double {
    try value(
      needed: key, example: example, missing: missing, as: .number(wanted: wanted, accepts), help)
  }

  /// A list of texts, empty where the key is not given.
  public mutating func strings(_ key: String, _ help: String) throws(ExperimentError) -> [String] {
    try value(key, default: [], as: .list(of: .string, wanted: "a list of strings"), help)
  }

  /// A list of texts that has to be given; `missing` is the error about an experiment without it.
  public mutating func strings(
    needed key: String, example: [String], missing: String, _ help: String
  ) throws(ExperimentError) -> [String] {
    try value(
      needed: key, example: example, missing: missing,
      as: .list(of: .string, wanted: "a list of strings"), help)
  }
}
