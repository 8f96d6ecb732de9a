import Data
import Files
import Testing

/// Reads a whole file: header, then data.
private func contents(of path: String) throws(FileError) -> [UInt8] {
  let file = try IDXFile(path: path)
  let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: file.byteCount, alignment: 1)
  defer { memory.deallocate() }
  try file.read(into: memory)
  return Array(memory)
}

/// The error that reading ends with.
private func failure(_ path: String) -> FileError? {
  do {
    _ = try contents(of: path)
    return nil
  } catch { return error }
}

@Suite struct IDXFileTests {
  let files = TemporaryFiles()
  // Neither constant nor random, so that deflate uses both literals and matches.
  let data = (0..<600).map { (i: Int) -> UInt8 in UInt8((i * i % 251) / (i % 3 + 1)) }

  @Test func readsPlainAndGzipWhateverTheName() throws {
    let bytes = idx([6, 10, 10], data)
    let plain = try IDXFile(path: files.write("plain.gz", bytes))
    #expect(plain.dimensions == [6, 10, 10])
    #expect(plain.byteCount == 600)
    #expect(try contents(of: plain.path) == data)
    #expect(try contents(of: files.write("compressed", gzip(bytes))) == data)
  }

  @Test func readsGzipOfSeveralMembers() throws {
    let bytes = idx([600], data)
    #expect(
      try contents(
        of: files.write(
          "members",
          gzip(Array(bytes[..<3])) + gzip(Array(bytes[3..<300])) + gzip(Array(bytes[300...]))))
        == data)
  }

  @Test func everyTruncationIsAnError() {
    let bytes = idx([600], data)
    for length in 0..<bytes.count {
      #expect(failure(files.write("t", Array(bytes[..<length]))) != nil, "plain, \(length) bytes")
    }
    let compressed = gzip(bytes)
    for length in 0..<compressed.count {
      #expect(
        failure(files.write("t", Array(compressed[..<length]))) != nil, "gzip, \(length) bytes")
    }
    #expect(failure(files.write("t", Array(bytes[..<500])))?.offset == 500)
    #expect(failure(files.write("t", Array(compressed[..<200])))?.offset == 200)
  }

  @Test func everyFlippedBitOfGzipIsAnErrorOrHarmless() {
    let data = Array(self.data[..<200])
    let compressed = gzip(idx([200], data))
    var harmless = 0
    for position in compressed.indices {
      for bit in 0..<8 {
        var damaged = compressed
        damaged[position] ^= 1 << bit
        let path = files.write("f", damaged)
        do throws(FileError) {
          let read = try contents(of: path)
          #expect(read == data, "bit \(bit) of byte \(position)")
          harmless += 1
        } catch { #expect(error.path == path) }
      }
    }
    // Only these bits have no effect: 6 bytes of the header (time, extra flags, system), its text
    // flag, and the last block's padding.
    #expect(harmless <= 6 * 8 + 1 + 7)
  }

  @Test func bytesAfterTheDataAreAnError() {
    let bytes = idx([600], data)
    #expect(failure(files.write("a", bytes + [0]))?.offset == bytes.count)
    let compressed = gzip(bytes)
    let trailing = failure(files.write("b", compressed + [0, 1]))
    #expect(trailing?.offset == compressed.count)
    #expect(trailing?.what == "2 bytes follow the end of the gzip data")
    #expect(
      failure(files.write("c", gzip(bytes + [7])))?.what
        == "continues after the 600 bytes of data declared")
    #expect(
      failure(files.write("d", compressed + gzip([7])))?.what
        == "continues after the 600 bytes of data declared")
  }

  @Test func fewerDataThanDeclaredAreAnError() {
    let compressed = gzip(idx([601], data))
    let error = failure(files.write("short", compressed))
    #expect(error?.what == "ends here: 601 bytes of data declared, 600 present")
    #expect(error?.offset == compressed.count)
  }

  @Test func aSizeTheFileCannotHoldIsAnErrorOfTheHeader() {
    let most = UInt32.max
    for dimensions in [
      [most], [most, most], [most, most, most, most], [1 << 31, 1 << 31, 4], [60000, 28, 28],
    ] {
      for (name, bytes) in [
        ("plain", idx(dimensions, [1, 2, 3])), ("gzip", gzip(idx(dimensions, [1, 2, 3]))),
      ] {
        // The initializer fails, so no caller allocates this size.
        let path = files.write(name, bytes)
        let error = #expect(throws: FileError.self) { try IDXFile(path: path) }
        #expect(error?.offset != nil)
      }
    }
  }

  @Test func wrongHeadersAreNamed() {
    #expect(
      failure(files.write("empty", []))?.description
        == "\(files.path)/empty: byte 0: is empty; fetch the file again")
    #expect(
      failure(files.write("text", Array("hello".utf8)))?.what
        == "is not an IDX file, which starts with 00 00")
    #expect(
      failure(files.write("float", idx([1], type: 0x0D, [0, 0, 0, 0])))?.what
        == "holds Float32 elements")
    #expect(
      failure(files.write("float", gzip(idx([1], type: 0x0D, [0]))))?.what
        == "holds Float32 elements (byte of the decompressed data)")
    #expect(failure(files.write("strange", idx([1], type: 3, [0])))?.offset == 2)
    #expect(failure(files.write("none", idx([], [0])))?.what == "declares 0 dimensions")
    #expect(
      failure(files.write("five", idx([1, 1, 1, 1, 1], [0])))?.what == "declares 5 dimensions")
    #expect(
      failure(files.write("zero", idx([3, 0], [])))?.description
        == "\(files.path)/zero: byte 8: dimension 1 is 0; fetch the file again")
  }

  @Test func anInvalidFileIsNamed() {
    #expect(
      failure(files.path)?.description == "\(files.path): is a directory; give the path of a file")
    #expect(failure(files.path + "/no")?.what == "cannot be opened: No such file or directory")
    #expect(failure("/dev/zero")?.what == "is not a regular file")
  }
}
