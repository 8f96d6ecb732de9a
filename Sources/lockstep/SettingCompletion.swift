import ExperimentKeys
import FoundationEssentials
import Glibc
import Recording
import Reports

/// What the shell offers after `--set`: the keys that the worker reads, with `=`.
enum SettingCompletion {
  static func answers(_ arguments: [String]) -> [String] {
    let given = arguments.firstIndex(of: "--worker").flatMap { index in
      index + 1 < arguments.count ? arguments[index + 1] : nil
    }
    guard let worker = try? WorkerProgram(given), let pipe = popen(shellLine(worker.path), "r")
    else { return [] }
    defer { pclose(pipe) }
    var bytes: [UInt8] = []
    while true {
      let byte = getc(pipe)
      if byte == EOF { break }
      bytes.append(UInt8(truncatingIfNeeded: byte))
    }
    guard let list = try? JSONDecoder().decode(KeyList.self, from: Data(bytes)) else { return [] }
    var seen: Set<String> = []
    return list.keys.map { $0.path + "=" }.filter { seen.insert($0).inserted }
  }

  private static func shellLine(_ program: String) -> String {
    "'\(program.replacing("'", with: "'\\''"))' --keys"
  }
}
