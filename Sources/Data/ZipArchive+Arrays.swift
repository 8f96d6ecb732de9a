import Files

extension ZipArchive {
  /// The member that holds an array: NumPy writes the array `x` as `x.npy`.
  func array(_ name: String) throws(FileError) -> Member {
    if let member = members.first(where: { $0.name == name + ".npy" || $0.name == name }) {
      return member
    }
    let known = members.map { $0.name.hasSuffix(".npy") ? String($0.name.dropLast(4)) : $0.name }
    let near = nearest(name, among: known).map { "did you mean \"\($0)\"?" }
    let shown = known.prefix(12).joined(separator: ", ") + (known.count > 12 ? ", …" : "")
    throw FileError(
      file.path, "holds no array \"\(name)\"",
      remedy: near ?? (known.isEmpty ? "it holds none at all" : "there are \(shown)"))
  }

  /// An array of which no more than the head is read: its shape and type.
  func head(of name: String) throws(FileError) -> NpyFile {
    let member = try array(name)
    guard member.isDeflated else { return try NpyFile(NpyContent(member, of: self)) }
    let head = SharedBytes(count: min(member.size, NpyFile.longestHeader + 12))
    let source = InflatedBytes(deflated: member.start..<member.start + member.packed, of: file)
    guard try source.read(into: head.bytes) == head.bytes.count else {
      throw damaged(at: member.start, "\(member.name) ends before its \(member.size) bytes")
    }
    return try NpyFile(
      NpyContent(member, of: self, in: UnsafeRawBufferPointer(head.bytes), keeping: head))
  }

  /// Refuses an array that is to be unpacked where there is no memory for it.
  func checkMemory(for member: Member) throws(FileError) {
    guard member.isDeflated, let free = availableMemory(), free < member.size + (64 << 20) else {
      return
    }
    throw FileError(
      file.path,
      "\(member.name) unpacked, \(member.size) bytes, does not fit this machine's memory",
      remedy: "write it with numpy.savez, which does not compress: then it is read as it is drawn")
  }
}
