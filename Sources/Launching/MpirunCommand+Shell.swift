extension MpirunCommand {
  /// The job as a person starts it: one line for a POSIX shell in this same environment, without
  /// the coordinator.
  ///
  /// What only serves the coordinator is left out: events as JSON, the signal that ends the job
  /// with it, and clearing variables that do no harm. Inside another mpirun's job its variables
  /// have to go, for a second mpirun refuses to start with them.
  public var shellText: String {
    var line = self
    line.setpriv = nil
    line.workerArguments = workerArguments.filter { $0 != "--events" }
    let set = assignments.filter { isNested || inherited[$0.name] != $0.value }
    let names = Set(set.map(\.name))
    let unset =
      isNested ? ["env"] + removed.filter { !names.contains($0) }.flatMap { ["-u", $0] } : []
    // An assignment counts as one only while its name is bare.
    var command = line.command
    command[0] = mpirun.word
    let words =
      unset.map(Self.quoted) + set.map { "\($0.name)=\(Self.quoted($0.value))" }
      + command.map(Self.quoted)
    return words.joined(separator: " ") + " </dev/null"
  }

  /// A word as a POSIX shell needs it to read it back unchanged.
  public static func quoted(_ word: String) -> String {
    let isPlain =
      !word.isEmpty
      && word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_./:=,+@%".contains($0)) }
    return isPlain
      ? word
      : "'"
        + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
        + "'"
  }
}
