import Data
import Files
import RankTesting
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
  let files = TemporaryFolder()
  // Neither constant nor random, so that deflate uses both literals and matches.
  let data = (0..<600).map { (i: Int) -> UInt8 in UInt8((i * i % 251) / (i % 3 + 1)) }

  @Test func readsPlainAndGzipWhateverTheName() throws {
    let bytes = idx([6, 10, 10], data)
    let plain = try IDXFile(path: files.write(bytes, to: "plain.gz"))
    #expect(plain.dimensions == [6, 10, 10])
    #expect(plain.byteCount == 600)
    #expect(try contents(of: plain.path) == data)
    #expect(try contents(of: files.write(gzip(bytes), to: "compressed")) == data)
  }

  @Test func readsGzipOfSeveralMembers() throws {
    let bytes = idx([600], data)
    #expect(
      try contents(
        of: files.write(
          gzip(Array(bytes[..<3])) + gzip(Array(bytes[3..<300])) + gzip(Array(bytes[300...])),
          to: "members"))
        == data)
  }

  @Test func everyTruncationIsAnError() {
    let bytes = idx([600], data)
    for length in 0..<bytes.count {
      #expect(
        failure(files.write(Array(bytes[..<length]), to: "t")) != nil, "plain, \(length) bytes")
    }
    let compressed = gzip(bytes)
    for length in 0..<compressed.count {
      #expect(
        failure(files.write(Array(compressed[..<length]), to: "t")) != nil, "gzip, \(length) bytes")
    }
    #expect(failure(files.write(Array(bytes[..<500]), to: "t"))?.offset == 500)
    #expect(failure(files.write(Array(compressed[..<200]), to: "t"))?.offset == 200)
  }

  @Test func everyFlippedBitOfGzipIsAnErrorOrHarmless() {
    let data = Array(self.data[..<200])
    let compressed = gzip(idx([200], data))
    var harmless = 0
    for position in compressed.indices {
      for bit in 0..<8 {
        var damaged = compressed
        damaged[position] ^= 1 << bit
        let path = files.write(damaged, to: "f")
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
    #expect(failure(files.write(bytes + [0], to: "a"))?.offset == bytes.count)
    let compressed = gzip(bytes)
    let trailing = failure(files.write(compressed + [0, 1], to: "b"))
    #expect(trailing?.offset == compressed.count)
    #expect(trailing?.what == "2 bytes follow the end of the gzip data")
    #expect(
      failure(files.write(gzip(bytes + [7]), to: "c"))?.what
        == "continues after the 600 bytes of data declared")
    #expect(
      failure(files.write(compressed + gzip([7]), to: "d"))?.what
        == "continues after the 600 bytes of data declared")
  }

  @Test func fewerDataThanDeclaredAreAnError() {
    let compressed = gzip(idx([601], data))
    let error = failure(files.write(compressed, to: "short"))
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
        let path = files.write(bytes, to: name)
        let error = #expect(throws: FileError.self) { try IDXFile(path: path) }
        #expect(error?.offset != nil)
      }
    }
  }

  @Test func wrongHeadersAreNamed() {
    #expect(
      failure(files.write([], to: "empty"))?.description
        == "\(files.path)/empty: byte 0: is empty; fetch the file again")
    #expect(
      failure(files.write(Array("hello".utf8), to: "text"))?.what
        == "is not an IDX file, which starts with 00 00")
    #expect(
      failure(files.write(idx([1], type: 0x0D, [0, 0, 0, 0]), to: "float"))?.what
        == "holds Float32 elements")
    #expect(
      failure(files.write(gzip(idx([1], type: 0x0D, [0])), to: "float"))?.what
        == "holds Float32 elements (byte of the decompressed data)")
    #expect(failure(files.write(idx([1], type: 3, [0]), to: "strange"))?.offset == 2)
    #expect(failure(files.write(idx([], [0]), to: "none"))?.what == "declares 0 dimensions")
    #expect(
      failure(files.write(idx([1, 1, 1, 1, 1], [0]), to: "five"))?.what == "declares 5 dimensions")
    #expect(
      failure(files.write(idx([3, 0], []), to: "zero"))?.description
        == "\(files.path)/zero: byte 8: dimension 1 is 0; fetch the file again")
  }

  @Test func anInvalidFileIsNamed() {
    #expect(
      failure(files.path)?.description == "\(files.path): is a directory; give the path of a file")
    #expect(failure(files.path + "/no")?.what == "cannot be opened: No such file or directory")
    #expect(failure("/dev/zero")?.what == "is not a regular file")
  }
}
