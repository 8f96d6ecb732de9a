import Foundation

/// A reader of files or of other programs' output, and the way an input of any bytes reaches it.
///
/// A target fails by ending the process. Refusing an input with an error is right.
public struct FuzzTarget: Sendable {
  public let name: String
  public let run: @Sendable ([UInt8]) -> Void

  init(_ name: String, _ run: @escaping @Sendable ([UInt8]) -> Void) {
    (self.name, self.run) = (name, run)
  }

  /// Every reader of untrusted bytes there is.
  public static let all: [FuzzTarget] = [
    .safetensors, .weights, .idx, .png, .npy, .npz, .csv, .text, .tokenizer, .tokens, .toml,
    .experiment,
    .hostfile,
    .state,
    .events,
    .metrics,
  ]
}

/// Files with the bytes of an input, rewritten for each: their directory is removed when the
/// process ends.
final class InputFiles: Sendable {
  static let shared = InputFiles()
  let directory: String

  private init() {
    directory =
      FileManager.default.temporaryDirectory.appending(
        path: "lockstep-fuzz-\(ProcessInfo.processInfo.processIdentifier)"
      ).path
    try? FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    atexit { try? FileManager.default.removeItem(atPath: InputFiles.shared.directory) }
  }

  /// The path of a file with these bytes.
  func write(_ bytes: some Collection<UInt8>, to name: String) -> String {
    let path = directory + "/" + name
    guard let file = fopen(path, "w") else { fatalError("\(path) cannot be written") }
    let bytes = Array(bytes)
    guard fwrite(bytes, 1, bytes.count, file) == bytes.count, fclose(file) == 0 else {
      fatalError("\(path) cannot be written")
    }
    return path
  }

  /// A folder of its own within the directory.
  func makeFolder(_ name: String) -> String {
    let path = directory + "/" + name
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  /// An input as two files: its first two bytes are the length of the first file.
  func split(_ bytes: [UInt8], _ first: String, _ second: String) -> (String, String) {
    let count = bytes.count < 2 ? 0 : min(Int(bytes[0]) << 8 | Int(bytes[1]), bytes.count - 2)
    return (
      write(bytes.dropFirst(2).prefix(count), to: first),
      write(bytes.dropFirst(2 + count), to: second)
    )
  }
}
