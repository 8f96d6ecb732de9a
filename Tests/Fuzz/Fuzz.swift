import FuzzTargets
import Glibc

/// libFuzzer's own main function under another name.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// The target that the environment names.
private let target: FuzzTarget = {
  let name = getenv("LOCKSTEP_FUZZ_TARGET").map { String(cString: $0) } ?? ""
  guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
    fatalError(
      "LOCKSTEP_FUZZ_TARGET is \"\(name)\"; there are \(FuzzTarget.all.map(\.name).joined(separator: ", "))"
    )
  }
  return target
}()

/// Gives the target one input after another, by libFuzzer's options.
@main
struct Fuzz {
  static func main() {
    var (count, arguments) = (CommandLine.argc, CommandLine.unsafeArgv)
    exit(
      runDriver(&count, &arguments) { start, count in
        target.run(Array(UnsafeBufferPointer(start: start, count: count)))
        return 0
      })
  }
}
