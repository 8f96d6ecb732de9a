import Files

/// The rows of a CSV file (RFC 4180), plain or gzip, one at a time: cells may be quoted, lines end
/// in LF, CR LF or CR, empty lines are passed over.
///
/// It holds one row, whose size is bounded: a quote that is never closed cannot swallow a large
/// file.
final class CSVRows {
  static let mostColumns = 1 << 16
  static let longestCell = 1 << 16

  let file: InputFile
  let isGzip: Bool
  /// The line, counted from 1, that the row begins on.
  private(set) var line = 0
  /// Where each cell begins, as a byte of the text.
  private(set) var starts: [Int] = []
  /// All cells' text, quotes resolved, each with a NUL behind it; where each ends.
  private var text: [UInt8] = []
  private var ends: [Int] = []

  private let separator: UInt8
  private let content: any ByteSource
  private let block: UnsafeMutableRawBufferPointer
  private var available = 0
  private var position = 0
  /// The byte of the text that the block begins with, and the line that `position` is on.
  private var base = 0
  private var currentLine = 1
  /// Whether a line has just ended in CR, to which an LF that follows belongs.
  private var endedInReturn = false

  init(path: String, separator: UInt8) throws(FileError) {
    file = try InputFile(path)
    isGzip = try file.isGzip()
    self.separator = separator
    content = file.content(isGzip: isGzip)
    block = .allocate(byteCount: 256 << 10, alignment: 64)
  }

  deinit { block.deallocate() }

  /// Cells in the row.
  var count: Int { ends.count }

  /// A cell's text without the spaces around it, and a NUL behind it.
  func withCell<Result>(_ column: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    text.withUnsafeBufferPointer { text in
      var start = column == 0 ? 0 : ends[column - 1] + 1
      while start < ends[column], isSpace(text[start]) { start += 1 }
      return body(UnsafeBufferPointer(rebasing: text[start..<max(start, ends[column])]))
    }
  }

  /// A cell as a name or for a message, which has one line and no escape sequences: control
  /// characters are spaces.
  func cell(_ column: Int) -> String {
    withCell(column) { bytes in
      let printable = bytes.map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 }
      return String(
        decoding: printable[..<((printable.lastIndex { $0 != 0x20 } ?? -1) + 1)], as: UTF8.self)
    }
  }

  /// Goes to the next row; false at the end of the file.
  func next() throws(FileError) -> Bool {
    repeat { guard try scan() else { return false } } while isBlank
    return true
  }

  /// An error in the row: `place` names line and column.
  func failure(_ what: String, remedy: String, column: Int? = nil, named name: String? = nil)
    -> FileError
  {
    failure(
      at: starts.isEmpty ? base + position : starts[column ?? 0], line: line, column: column,
      named: name, what, remedy: remedy)
  }

  private func failure(
    at offset: Int, line: Int, column: Int? = nil, named name: String? = nil, _ what: String,
    remedy: String
  ) -> FileError {
    let place =
      column.map { name.map { ", column \"\($0)\"" } ?? ", column \($0) (counted from 0)" } ?? ""
    return FileError(
      file.path, at: offset,
      (isGzip ? "(of the decompressed text) " : "") + "line \(line)\(place): \(what)",
      remedy: remedy)
  }

  private var isBlank: Bool { ends.count == 1 && ends[0] == 0 && !wasQuoted }
  private var wasQuoted = false

  private enum State { case fresh, plain, quoted, closed }

  /// Scans one line, and as many more as quoted cells hold.
  private func scan() throws(FileError) -> Bool {
    text.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
    starts.removeAll(keepingCapacity: true)
    (line, wasQuoted) = (currentLine, false)
    var state = State.fresh
    var cellStart = 0
    var opening = (offset: 0, line: 0)
    func endCell() throws(FileError) {
      if starts.count == ends.count { starts.append(base + position - 1) }
      while state == .plain, text.count > cellStart, isSpace(text[text.count - 1]) {
        text.removeLast()
      }
      ends.append(text.count)
      text.append(0)
      cellStart = text.count
      state = .fresh
      if ends.count > Self.mostColumns {
        throw failure(
          at: starts[ends.count - 1], line: currentLine, "more than \(Self.mostColumns) columns",
          remedy: "give data this wide as a .npy file")
      }
    }
    while true {
      if position == available {
        guard try refill() else {
          if state == .quoted {
            throw failure(
              at: opening.offset, line: opening.line, "a quote that is opened here is never closed",
              remedy: "close it")
          }
          if ends.isEmpty && state == .fresh { return false }
          position += 1
          try endCell()
          position -= 1
          return true
        }
      }
      let byte = block[position]
      position += 1
      let closesReturn = endedInReturn && byte == newline
      endedInReturn = false
      if closesReturn { continue }
      if byte == 0 {
        throw failure(
          at: base + position - 1, line: currentLine, "a NUL byte, which no text holds",
          remedy: "give a CSV file in UTF-8 or ASCII")
      }
      switch state {
      case .quoted:
        if byte == quote {
          state = .closed
          continue
        }
        if byte == newline { currentLine += 1 }
      case .closed where byte == quote: state = .quoted
      case _ where byte == separator:
        try endCell()
        continue
      case _ where byte == newline || byte == carriageReturn:
        try endCell()
        currentLine += 1
        endedInReturn = byte == carriageReturn
        return true
      case .closed:
        if isSpace(byte) { continue }
        throw failure(
          at: base + position - 1, line: currentLine, "\(describe(byte)) follows a closing quote",
          remedy: "double a quote within quotes")
      case .fresh:
        starts.append(base + position - 1)
        if byte == quote {
          (state, wasQuoted) = (.quoted, true)
          opening = (base + position - 1, currentLine)
          continue
        }
        state = .plain
      case .plain: break
      }
      text.append(byte)
      if text.count - cellStart > Self.longestCell {
        throw failure(
          at: starts[starts.count - 1], line: state == .plain ? currentLine : opening.line,
          "a cell of more than \(Self.longestCell) bytes begins here",
          remedy: "close its quote, or give a CSV file")
      }
    }
  }

  private func refill() throws(FileError) -> Bool {
    base += available
    available = try content.read(into: block)
    position = 0
    // The mark that some programs put before UTF-8.
    if base == 0, available >= 3, block[0] == 0xEF, block[1] == 0xBB, block[2] == 0xBF {
      position = 3
    }
    return available > position
  }
}

private let quote = UInt8(ascii: "\"")
private let newline = UInt8(ascii: "\n")
private let carriageReturn = UInt8(ascii: "\r")

private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
