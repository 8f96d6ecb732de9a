import Recording
import Reports

/// Compares what hosts said of themselves before a job, and names what would make it fail, and on
/// which of them.
///
/// Rank 0 runs on the first of the hosts in mapping order (``Hostfile/inMappingOrder(isOwn:)``),
/// and its run directory is the run's: metrics, report, checkpoints. The others only write logs of
/// their own there.
public struct HostCheck: Sendable, Equatable {
  /// What became of asking one host.
  public enum Answer: Sendable, Equatable {
    /// The record, and when the question was asked and the answer had come, in seconds since 1970.
    case record(HostRecord, asked: Double, answered: Double)
    /// The host could not be asked, in the words of what was to reach it.
    case unreachable(String)
    case late(seconds: Int)
    /// The host was reached, but its worker did not start.
    case silent(String)
  }

  /// What is asked of the hosts.
  public struct Wanted: Sendable {
    /// This machine's own answer, which the others are compared with.
    public var here: HostRecord
    /// The name of the program that reaches hosts.
    public var shell: String
    public var mpirun: MPILauncher
    /// The run directory; nil where nothing is to be run.
    public var output: String?
    /// Whether a path of the run is relative, so that hosts must have this directory.
    public var needsDirectory: Bool

    public init(
      here: HostRecord, shell: String, mpirun: MPILauncher, output: String?, needsDirectory: Bool
    ) {
      self.here = here
      self.shell = shell
      self.mpirun = mpirun
      self.output = output
      self.needsDirectory = needsDirectory
    }
  }

  /// One line for people, and the exit code that goes with it.
  public struct Problem: Sendable, Equatable {
    public var hosts: [String]
    public var text: String
    public var code: ExitCode
    public var line: String { "\(hosts.joined(separator: ", ")): \(text)" }
  }

  public private(set) var problems: [Problem] = []
  /// What is worth knowing but stops nothing.
  public private(set) var notes: [String] = []
  /// The records of the hosts that answered, in order.
  public let records: [HostRecord]

  public init(_ answers: [(host: String, answer: Answer)], wanted: Wanted) {
    records = answers.compactMap {
      if case .record(let record, _, _) = $0.answer { record } else { nil }
    }
    for (host, answer) in answers { check(host, answer, wanted) }
    let known = answers.compactMap { host, answer in
      if case .record(let record, _, _) = answer { (host, record) } else { nil }
    }
    checkData(known)
    if let output = wanted.output, case .record(let first, _, _)? = answers.first?.answer {
      checkOutput(output, first: (answers[0].host, first), others: Array(known.dropFirst()))
    }
    let cpus = Set(records.map(\.processor))
    if cpus.count > 1 {
      notes.append(
        "the hosts' CPUs differ (\(cpus.sorted().joined(separator: "; "))): the slowest rank sets the pace; training.shares can give it less"
      )
    }
  }

  /// The exit code of all problems together: an unusable host comes before data, data before the
  /// run directory.
  public var code: ExitCode {
    [.mpiUnusable, .data].first { code in problems.contains { $0.code == code } } ?? problems.first?
      .code ?? .done
  }

  // MARK: One host

  private mutating func check(_ host: String, _ answer: Answer, _ wanted: Wanted) {
    switch answer {
    case .unreachable(let words):
      add(
        host,
        "cannot be reached by \(wanted.shell): \(words); it has to work without a password: try \(wanted.shell) \(host) true",
        .mpiUnusable)
    case .late(let seconds):
      add(
        host,
        "no answer through \(wanted.shell) within \(seconds) s: is it up? Try \(wanted.shell) \(host) true",
        .mpiUnusable)
    case .silent(let words):
      add(
        host,
        "\(wanted.here.worker) does not start there: \(words); put this build and its libraries at the same path",
        .mpiUnusable)
    case .record(let record, let asked, let answered):
      compare(host, record, wanted)
      noteClock(host, record, asked: asked, answered: answered)
    }
  }

  private mutating func compare(_ host: String, _ record: HostRecord, _ wanted: Wanted) {
    let here = wanted.here
    if record.workerSHA256 != here.workerSHA256 {
      add(
        host,
        "\(here.worker) is another build there (SHA-256 \(record.workerSHA256.prefix(12)), here \(here.workerSHA256.prefix(12))): "
          + "copy this machine's to it", .mpiUnusable)
    }
    if record.mpi != here.mpi {
      add(
        host, "has \(record.mpi), this machine \(here.mpi): install one version on every host",
        .mpiUnusable)
    }
    if !record.hasLauncher {
      add(
        host,
        "\(wanted.mpirun.daemon), which mpirun starts on each host, is not there: install \(wanted.mpirun.name) as here",
        .mpiUnusable)
    }
    if wanted.needsDirectory && record.directory != here.directory {
      add(
        host,
        "has no directory \(here.directory), which this run's paths start from: make it, or give whole paths",
        .usage)
    }
  }

  private mutating func noteClock(
    _ host: String, _ record: HostRecord, asked: Double, answered: Double
  ) {
    // The record was made somewhere between question and answer.
    let (least, most) = (record.time - answered, record.time - asked)
    guard least > 0.5 || most < -0.5 else { return }
    let (offset, doubt) = ((least + most) / 2, (most - least) / 2)
    notes.append(
      "\(host): its clock is \(NumberFormat.formatted(abs(offset))) s \(offset > 0 ? "ahead" : "behind") (± \(NumberFormat.formatted(doubt)) s): times in logs and files "
        + "will not fit together; run chrony or ntp there")
  }

  // MARK: All hosts

  private mutating func checkData(_ known: [(String, HostRecord)]) {
    for index in known.first?.1.data.indices ?? 0..<0 {
      var reference: (host: String, digest: String)?
      for (host, record) in known where record.data.indices.contains(index) {
        let file = record.data[index]
        guard let digest = file.digest else {
          add(
            host,
            "\(file.path): \(file.problem ?? "cannot be read"); every host reads the data: copy it to the same path, or share the disk",
            .data)
          continue
        }
        guard let found = reference else {
          reference = (host, digest)
          continue
        }
        if found.digest != digest {
          add(
            host,
            "\(file.path) is another file than on \(found.host): copy the same data to every host",
            .data)
        }
      }
    }
  }

  private mutating func checkOutput(
    _ output: String, first: (host: String, record: HostRecord),
    others: [(host: String, record: HostRecord)]
  ) {
    if let problem = first.record.outputProblem {
      add(
        first.host,
        "\(problem); rank 0 runs there and writes the run directory: --output names another", .usage
      )
    } else if !first.record.sharesOutput {
      // Without its checkpoints in sight a restart would begin again, and replace them.
      add(
        first.host,
        "\(output) is on its own disk, and rank 0 would write the run there, out of sight: start lockstep on \(first.host), name this machine "
          + "too, or give --output on a shared disk", .usage)
    }
    let mute = others.filter { $0.record.outputProblem != nil }.map(\.host)
    if !mute.isEmpty {
      notes.append(
        "\(mute.joined(separator: ", ")): \(output) cannot be written there: no logs of those ranks"
      )
    }
    let apart = others.filter { !$0.record.sharesOutput && $0.record.outputProblem == nil }.map(
      \.host)
    if !apart.isEmpty {
      notes.append(
        "\(output) is not shared: the run's files are on \(first.host); logs of \(apart.joined(separator: ", ")) stay there"
      )
    }
  }

  /// Hosts with the same problem share a line.
  private mutating func add(_ host: String, _ text: String, _ code: ExitCode) {
    if let index = problems.firstIndex(where: { $0.text == text && $0.code == code }) {
      problems[index].hosts.append(host)
    } else {
      problems.append(Problem(hosts: [host], text: text, code: code))
    }
  }
}
