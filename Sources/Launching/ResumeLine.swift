/// The command that goes on with a run that was stopped, as a line for a shell.
public enum ResumeLine {
  /// The words of the command that was stopped, in the same directory, with `--resume` in place of `--force`.
  public static func text(_ arguments: [String]) -> String {
    var words = arguments.filter { $0 != "--resume" && $0 != "--force" }
    words.append("--resume")
    return words.map(MpirunLine.quoted).joined(separator: " ")
  }
}
