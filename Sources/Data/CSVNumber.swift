import Glibc

enum ParsedNumber {
  case value(Double)
  case missing, wrong, large
}

/// Decimal notation and nothing else: no "nan", "inf" or hexadecimal, which `strtod` would take. A
/// NUL follows the cell.
func parseNumber(_ cell: UnsafeBufferPointer<UInt8>) -> ParsedNumber {
  guard !cell.isEmpty else { return .missing }
  for byte in cell {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"),
      UInt8(ascii: "."), UInt8(ascii: "e"),
      UInt8(ascii: "E"):
      continue
    default: return .wrong
    }
  }
  return cell.withMemoryRebound(to: CChar.self) { text in
    var end: UnsafeMutablePointer<CChar>?
    let value = strtod(text.baseAddress!, &end)
    guard end == UnsafeMutablePointer(mutating: text.baseAddress! + text.count) else {
      return .wrong
    }
    return abs(value) <= Double(Float.greatestFiniteMagnitude) ? .value(value) : .large
  }
}

func number(_ cell: UnsafeBufferPointer<UInt8>) -> Double? {
  guard case .value(let value) = parseNumber(cell) else { return nil }
  return value
}

func number(_ text: String) -> Double? {
  var text = text + "\0"
  return text.withUTF8 { number(UnsafeBufferPointer(rebasing: $0.dropLast())) }
}

/// Whether a cell is empty, or has a word by which programs say that a value is missing.
func isMissing(_ cell: UnsafeBufferPointer<UInt8>) -> Bool {
  // None of the words is longer.
  cell.count <= 4 && missingWords.contains(packed(cell))
}

private let missingWords: [UInt32] = [
  "", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "None",
].map { packed($0.utf8) }

/// Up to four bytes as one number; no text has a NUL.
private func packed(_ bytes: some Sequence<UInt8>) -> UInt32 {
  bytes.reduce(0) { $0 << 8 | UInt32($1) }
}
