/// The first of this process's arguments whose bytes are not UTF-8, as a sentence; nil where all
/// are.
///
/// Swift's own list of arguments has such bytes replaced: what they named would be taken for
/// another file.
package func argumentNotUTF8() -> String? {
  for index in 1..<max(1, Int(CommandLine.argc)) {
    guard let argument = CommandLine.unsafeArgv[index], String(validatingCString: argument) == nil
    else { continue }
    return
      "argument \(index), \(String(cString: argument)), is not UTF-8: name files and directories in UTF-8"
  }
  return nil
}
