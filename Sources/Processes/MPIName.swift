/// Which MPI something is, in one line: the library that a program uses, or the mpirun that starts
/// it.
public struct MPIName: Sendable, Equatable, CustomStringConvertible {
  /// MPIs of one family start each other's programs; of Open MPI only those of one major version do.
  public enum Family: Sendable, Equatable {
    case openMPI(major: Int)
    /// MPICH and its descendants (Cray, Intel, MVAPICH), which start by PMI.
    case mpich
    case other
  }

  /// Such as `Open MPI 4.1.4` or `MPICH 4.0.2`.
  public let description: String
  public let family: Family

  /// Reads what MPI_Get_library_version gives, `Open MPI v4.1.4, package: …`,
  /// `MPICH Version:      4.0.2` and further lines, or what `mpirun --version` prints,
  /// `mpirun (Open MPI) 4.1.4`, `HYDRA build details:` and `Version: 4.0.2`.
  public init(_ text: String) {
    let lines = text.split(whereSeparator: \.isNewline).map {
      $0.prefix { $0 != "," }.split(whereSeparator: \.isWhitespace).map(String.init)
    }
    let first = lines.first ?? []
    let words = first.joined(separator: " ")
    if words.hasPrefix("HYDRA build details") {
      let version = lines.first { $0.first == "Version:" }?.dropFirst().first
      self.init("MPICH" + (version.map { " \($0)" } ?? ""), .mpich)
    } else if words.contains("Open MPI") || words.contains("OpenRTE") {
      let version = first.lazy.compactMap(Self.version).first ?? ""
      self.init(
        "Open MPI" + (version.isEmpty ? "" : " \(version)"),
        .openMPI(major: version.split(separator: ".").first.flatMap { Int($0) } ?? 4))
    } else if first.first == "MPICH", first.dropFirst().first == "Version:" {
      self.init("MPICH" + (first.dropFirst(2).first.map { " \($0)" } ?? ""), .mpich)
    } else {
      let isMPICH = ["MPICH", "MVAPICH", "Intel(R) MPI"].contains { words.contains($0) }
      self.init(
        words.isEmpty ? "an unknown MPI" : String(words.prefix(80)), isMPICH ? .mpich : .other)
    }
  }

  private init(_ description: String, _ family: Family) {
    (self.description, self.family) = (description, family)
  }

  /// A mpirun's or a library's name where only its family is known.
  init(family: Family, version: String? = nil) {
    let name =
      switch family {
      case .openMPI(let major): "Open MPI \(version ?? "\(major)")"
      case .mpich: "MPICH's Hydra"
      case .other: "another MPI"
      }
    self.init(name, family)
  }

  /// Whether an mpirun of this name starts programs of that library's; true where it is not known.
  public func starts(programsOf library: MPIName) -> Bool {
    family == library.family || family == .other || library.family == .other
  }

  private static func version(_ word: String) -> String? {
    let digits = word.hasPrefix("v") ? word.dropFirst() : word[...]
    return digits.first?.isNumber == true ? String(digits) : nil
  }
}
