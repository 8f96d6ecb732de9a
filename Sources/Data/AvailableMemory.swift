import Glibc

/// Bytes that programs can still take on this machine, as the kernel estimates them.
func availableMemory() -> Int? {
  guard let file = fopen("/proc/meminfo", "r") else { return nil }
  defer { fclose(file) }
  var line = [CChar](repeating: 0, count: 128)
  while fgets(&line, Int32(line.count), file) != nil {
    let words = line.prefix { $0 != 0 }.split(separator: CChar(UInt8(ascii: " ")))
    let key = words.first.map { String(decoding: $0.map { UInt8(bitPattern: $0) }, as: UTF8.self) }
    if key == "MemAvailable:", words.count > 1 {
      return Int(String(decoding: words[1].map { UInt8(bitPattern: $0) }, as: UTF8.self)).map {
        $0 << 10
      }
    }
  }
  return nil
}
