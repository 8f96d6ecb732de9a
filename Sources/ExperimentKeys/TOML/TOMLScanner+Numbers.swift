/// Booleans, numbers, dates and times: one word each.
extension TOMLScanner {
  /// A value that is neither a string nor a list nor a table.
  mutating func word() throws(TOMLError) -> TOMLTree.Value {
    let start = offset
    let text = takeWord()
    guard !text.isEmpty else { throw unexpected("a value") }
    if let value = try Self.value(of: text, at: start) { return value }
    let isName = text.utf8.allSatisfy { Self.isBareKey($0) } && text.first!.isLetter
    throw TOMLError(
      offset: start,
      what: isName
        ? "\(shortened(text)) is no value: a string has quotes, \"\(shortened(text))\"; true and false are written small"
        : "\(shortened(text)) is no value of TOML")
  }

  private mutating func takeWord() -> String {
    let start = offset
    func isPart(_ byte: UInt8) -> Bool {
      Self.isBareKey(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: ".")
        || byte == UInt8(ascii: ":")
    }
    while let byte = next, isPart(byte) { offset += 1 }
    // A blank may stand between a date and a time.
    if offset - start == 10, bytes[start + 4] == UInt8(ascii: "-"),
      bytes[start + 7] == UInt8(ascii: "-"), next == UInt8(ascii: " "),
      let digit = peek(1), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit)
    {
      offset += 1
      while let byte = next, isPart(byte) { offset += 1 }
    }
    return String(decoding: bytes[start..<offset], as: UTF8.self)
  }

  private static func value(of word: String, at offset: Int) throws(TOMLError) -> TOMLTree.Value? {
    switch word {
    case "true": return .boolean(true)
    case "false": return .boolean(false)
    case "inf", "+inf": return .number(.infinity)
    case "-inf": return .number(-.infinity)
    case "nan", "+nan", "-nan": return .number(.nan)
    default: break
    }
    let text = Array(word.utf8)
    if let (digits, radix) = wholeNumber(text) {
      guard let number = Int(digits, radix: radix) else {
        throw TOMLError(offset: offset, what: "a whole number of more than 64 bits")
      }
      return .integer(number)
    }
    if isNumber(text) { return Double(word.filter { $0 != "_" }).map { .number($0) } }
    return dateOrTime(text).map { .other($0) }
  }

  /// The digits, with their sign, and their base; nil for anything but a whole number.
  private static func wholeNumber(_ text: [UInt8]) -> (digits: String, radix: Int)? {
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where text.starts(with: prefix.utf8) {
      guard areDigits(text[2...], radix: radix) else { return nil }
      return (String(decoding: text[2...].filter { $0 != UInt8(ascii: "_") }, as: UTF8.self), radix)
    }
    let unsigned = text.drop { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") }
    guard text.count - unsigned.count <= 1, areDecimalDigits(unsigned) else { return nil }
    return (String(decoding: text.filter { $0 != UInt8(ascii: "_") }, as: UTF8.self), 10)
  }

  /// Whether a word is a number with a fraction, an exponent, or both.
  private static func isNumber(_ text: [UInt8]) -> Bool {
    var rest = text[...]
    if let sign = rest.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") {
      rest.removeFirst()
    }
    let mantissa = rest.prefix { $0 | 0x20 != UInt8(ascii: "e") }
    if mantissa.count < rest.count {
      var exponent = rest.dropFirst(mantissa.count + 1)
      if let sign = exponent.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") {
        exponent.removeFirst()
      }
      guard areDigits(exponent, radix: 10) else { return false }
    }
    let whole = mantissa.prefix { $0 != UInt8(ascii: ".") }
    guard whole.count < mantissa.count else {
      return mantissa.count < rest.count && areDecimalDigits(mantissa)
    }
    return areDecimalDigits(whole) && areDigits(mantissa.dropFirst(whole.count + 1), radix: 10)
  }

  /// Digits without a leading zero.
  private static func areDecimalDigits(_ text: ArraySlice<UInt8>) -> Bool {
    areDigits(text, radix: 10) && (text.count == 1 || text.first != UInt8(ascii: "0"))
  }

  /// Digits, between which single underscores may stand.
  private static func areDigits(_ text: ArraySlice<UInt8>, radix: Int) -> Bool {
    var mayEnd = false
    for byte in text {
      if byte == UInt8(ascii: "_") {
        guard mayEnd else { return false }
        mayEnd = false
      } else {
        guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, digit < radix else {
          return false
        }
        mayEnd = true
      }
    }
    return mayEnd
  }

  /// "date", "time" or "date and time" of what exists in the calendar; nil for any other word.
  private static func dateOrTime(_ text: [UInt8]) -> String? {
    /// The number that two or four digits make.
    func number(_ digits: ArraySlice<UInt8>) -> Int? {
      digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        ? Int(String(decoding: digits, as: UTF8.self)) : nil
    }
    func isDate(_ text: ArraySlice<UInt8>) -> Bool {
      let text = Array(text)
      guard text.count == 10, text[4] == UInt8(ascii: "-"), text[7] == UInt8(ascii: "-"),
        let year = number(text[..<4]),
        let month = number(text[5..<7]), let day = number(text[8...]), (1...12).contains(month)
      else { return false }
      let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
      let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
      return (1...days[month - 1]).contains(day)
    }
    func isClock(_ text: ArraySlice<UInt8>) -> Bool {
      let text = Array(text)
      guard text.count == 5, text[2] == UInt8(ascii: ":"), let hour = number(text[..<2]),
        let minute = number(text[3...])
      else { return false }
      return hour < 24 && minute < 60
    }
    func isTime(_ text: ArraySlice<UInt8>) -> Bool {
      guard isClock(text.prefix(5)) else { return false }
      let rest = Array(text.dropFirst(5))
      // 60 is a leap second.
      guard rest.count >= 3, rest[0] == UInt8(ascii: ":"), let second = number(rest[1..<3]),
        second <= 60
      else { return false }
      return rest.count == 3
        || rest[3] == UInt8(ascii: ".") && rest.count > 4 && number(rest[4...].prefix(18)) != nil
          && rest[4...].allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
    if isTime(text[...]) { return "time" }
    guard isDate(text.prefix(10)) else { return nil }
    guard text.count > 10 else { return "date" }
    guard [UInt8(ascii: "T"), UInt8(ascii: "t"), UInt8(ascii: " ")].contains(text[10]) else {
      return nil
    }
    var time = text[11...]
    if let last = time.last, last | 0x20 == UInt8(ascii: "z") {
      time.removeLast()
    } else if time.count > 6,
      [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(time[time.endIndex - 6])
    {
      guard isClock(time.suffix(5)) else { return nil }
      time.removeLast(6)
    }
    return isTime(time) ? "date and time" : nil
  }
}
