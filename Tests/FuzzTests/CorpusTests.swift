import Foundation
import FuzzTargets
import Testing

/// Inputs that fuzzing found, and small ones of every format, given to their readers: the reader
/// returns for each.
@Suite struct CorpusTests {
  private static let corpus = Bundle.module.resourceURL!.appending(path: "Corpus")

  private static func inputs(of target: FuzzTarget) -> [URL] {
    let folder = corpus.appending(path: target.name)
    return
      ((try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil))
      ?? []).sorted { $0.path < $1.path }
  }

  @Test(arguments: FuzzTarget.all.map(\.name))
  func everyFoundInputIsReadOrRefused(_ name: String) throws {
    let target = try #require(FuzzTarget.all.first { $0.name == name })
    let inputs = Self.inputs(of: target)
    #expect(!inputs.isEmpty, "Tests/FuzzTests/Corpus/\(name) is empty")
    for input in inputs {
      let bytes = [UInt8](try Data(contentsOf: input))
      target.run(bytes)
      // Cut short, and with single bytes changed.
      for count in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 16)) {
        target.run(Array(bytes[..<count]))
      }
      for place in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 16)) {
        var changed = bytes
        changed[place] ^= 0xFF
        target.run(changed)
      }
    }
  }

  @Test func everyFolderOfInputsHasItsTarget() throws {
    let folders = try FileManager.default.contentsOfDirectory(atPath: Self.corpus.path).filter {
      !$0.hasPrefix(".")
    }
    #expect(Set(folders) == Set(FuzzTarget.all.map(\.name)))
  }
}
