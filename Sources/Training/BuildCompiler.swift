import Glibc

/// The version of the Swift compiler that built this program, such as `6.3.1`; nil where its debug
/// information was stripped.
///
/// The compiler writes its name into the debug information of each module, in release builds too;
/// nothing else of a program holds it. Maps the program's file and looks for it, which takes some
/// milliseconds.
package func buildCompilerVersion() -> String? {
  let descriptor = open("/proc/self/exe", O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  var status = stat()
  guard fstat(descriptor, &status) == 0, status.st_size > 0 else { return nil }
  let count = Int(status.st_size)
  guard let bytes = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), bytes != MAP_FAILED
  else { return nil }
  defer { munmap(bytes, count) }
  let mark = Array("Swift version ".utf8)
  let file = UnsafeRawBufferPointer(start: bytes, count: count)
  var start = 0
  while let found = memchr(bytes + start, Int32(mark[0]), count - start) {
    let place = UnsafeRawPointer(found) - UnsafeRawPointer(bytes)
    start = place + 1
    guard count - place > mark.count, memcmp(found, mark, mark.count) == 0 else { continue }
    let version = file[(place + mark.count)...].prefix(24).prefix {
      ($0 >= 0x30 && $0 <= 0x39) || $0 == UInt8(ascii: ".")
    }
    // The text above is in the program too, with something else after it.
    if version.contains(UInt8(ascii: ".")), version.first != UInt8(ascii: ".") {
      return String(decoding: version, as: UTF8.self)
    }
  }
  return nil
}
