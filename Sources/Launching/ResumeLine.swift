/// The command that goes on with a run that was stopped, as a line for a shell.
public enum ResumeLine {
  /// The words of the command that was stopped, in the same directory, with `option` in place of
  /// `--force`; with nothing where the command goes on by itself.
  public static func text(_ arguments: [String], option: String? = "--resume") -> String {
    let words =
      arguments.filter { $0 != "--resume" && $0 != "--force" } + (option.map { [$0] } ?? [])
    return words.map(MpirunCommand.quoted).joined(separator: " ")
  }
}
