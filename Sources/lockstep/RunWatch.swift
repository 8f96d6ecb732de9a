import Launching
import Processes
import Recording
import Reports

/// What is known of a running job, and what of it is shown: one redrawn line on a terminal, plain
/// lines elsewhere.
///
/// Everything goes to standard error except the report, so that `lockstep run … > report.txt` holds
/// the report alone.
actor RunWatch {
  /// How the report of a run that has ended is printed.
  enum ReportFormat { case none, text, json }

  private(set) var report: ConvergenceReport?
  private(set) var faults = MpirunOutputParser()
  /// The last step that the workers reported, since the job was last started.
  private(set) var lastStep: Int?
  /// Whether the ranks wait for one that does not come, so that no step will end.
  private(set) var isStalled = false
  /// The stall for which the job's watcher ends it.
  private(set) var fatalStall: String?
  /// How many of them were not skipped.
  private(set) var stepsTaken = 0

  /// What the metrics server serves, and the server, where one was asked for.
  private var gauges: RunGauges
  private let server: MetricsServer?

  private let name: String
  private let directory: RunDirectory
  private let isQuiet: Bool
  private let showsReport: ReportFormat
  private let terminal = Terminal.terminal
  private let bar = ProgressBar(isUnicode: Terminal.isUnicode)
  private let clock = ContinuousClock()
  private var started: WorkerEvent.Started?
  private var startTime: ContinuousClock.Instant
  private var progress: WorkerEvent.Progress?
  private var shownProgress: WorkerEvent.Progress?
  private var shownAt: ContinuousClock.Instant?
  private var evaluationShownAt: ContinuousClock.Instant?
  private var isDrawn = false
  private var log: MpirunLog
  private var shownLines: Set<String> = []
  private var suppressed = 0
  private static let linesShown = 200

  init(
    name: String, directory: RunDirectory, isQuiet: Bool, showsReport: ReportFormat = .text,
    server: MetricsServer? = nil
  ) {
    self.server = server
    gauges = RunGauges(experiment: name, directory: directory.path)
    self.name = name
    self.directory = directory
    self.isQuiet = isQuiet
    self.showsReport = showsReport
    startTime = clock.now
    log = MpirunLog(path: directory.mpirunLog, directory: directory.logs)
  }

  /// A job is about to be started, anew or again.
  func begin(ranks: Int) {
    (report, faults, lastStep, started, progress, shownProgress, shownAt) = (
      nil, MpirunOutputParser(), nil, nil, nil, nil, nil
    )
    (isStalled, fatalStall) = (false, nil)
    startTime = clock.now
    draw("starting \(NumberFormat.counted(ranks, "rank")) …")
    server?.publish(gauges.text)
  }

  /// The workers are about to be started again.
  func set(restarts: Int) {
    gauges.restarts = restarts
    server?.publish(gauges.text)
  }

  // MARK: What comes in

  /// A line of mpirun's standard output: an event, or something a library printed.
  func outputLine(_ line: [UInt8]) async {
    guard let event = WorkerEvent(line: line) else { return errorLine(line) }
    gauges.take(event)
    server?.publish(gauges.text)
    switch event {
    case .started(let started):
      await StopControl.shared.take(.ready)
      self.started = started
      draw("\(PlainText.sanitized(started.experiment, limit: 80)): waiting for the first step")
    case .progress(let progress):
      if self.progress == nil { showStart(firstStep: progress.step) }
      self.progress = progress
      lastStep = progress.step
      await StopControl.shared.take(.step)
      stepsTaken = progress.step - progress.skipped
      showProgress()
    case .message(let level, let text):
      if self.progress == nil { showStart(firstStep: nil) }
      show("\(level.rawValue): \(PlainText.sanitized(text))")
    case .heldOut(let record): showEvaluation(record)
    case .evaluation(let loss, let score):
      showLastProgress()
      show(ProgressText.evaluationLine(loss: loss, score: score))
    case .report(let report): self.report = report
    case .stall(let stall):
      isStalled = stall.state != .ended
      let text = PlainText.sanitized(stall.text)
      switch stall.state {
      case .began: show("warning: \(text)")
      case .ended: show("note: \(text)")
      // It is the cause of the end, which comes last.
      case .fatal: fatalStall = text
      }
    }
  }

  /// A line of mpirun's standard error.
  func errorLine(_ line: [UInt8]) {
    let text = PlainText.sanitized(line)
    log.append(text)
    // Workers' errors are gathered until the end, when equal ones become one line.
    guard case .other(let words) = faults.read(text) else { return }
    guard shownLines.count < Self.linesShown, shownLines.insert(words).inserted else {
      suppressed += 1
      return
    }
    show(words)
  }

  // MARK: What goes out

  /// Shows a line above the bar.
  func show(_ line: String) {
    guard !isQuiet else { return }
    erase()
    Terminal.error.write(line + "\n")
    redraw()
  }

  /// Says what is left to say before the end: the last progress, and how many lines were kept back.
  func finish() {
    showLastProgress()
    erase()
    if suppressed > 0 {
      show(
        "\(NumberFormat.counted(suppressed, "more line")), repeated or too many, in \(directory.mpirunLog)"
      )
      suppressed = 0
    }
    erase()
    progress = nil
    log.finish()
  }

  /// Prints the report to standard output.
  func showReport(_ report: ConvergenceReport) {
    switch showsReport {
    case .none: break
    case .text:
      Terminal.output.write(
        ReportText(report, name: name, place: directory.placeToRead, style: Terminal.output.style)
          .text)
    case .json: Terminal.output.write(JSONText(of: report, indented: true).string + "\n")
    }
  }

  /// Prints why a run ended; the cause is the last line.
  nonisolated func showCause(_ cause: RootCause) {
    for line in cause.others + [cause.text] { Terminal.error.write("lockstep: \(line)\n") }
  }

  private func showStart(firstStep: Int?) {
    guard let started else { return }
    let seconds = startTime.duration(to: clock.now) / .seconds(1)
    let first = firstStep.map { $0 <= 1 ? "first step" : "step \($0)" }
    show(
      ProgressText.line(started)
        + (first.map { "; \($0) after \(NumberFormat.fixed(seconds, decimals: 1)) s" } ?? ""))
    for note in started.notes { show("note: \(PlainText.sanitized(note))") }
    self.started = nil
  }

  private func showProgress() {
    guard let progress, !isQuiet else { return }
    guard terminal == nil else { return redraw() }
    // Every two seconds is enough for a log; `finish` adds the last one.
    if let shownAt, shownAt.duration(to: clock.now) < .seconds(2) { return }
    shownAt = clock.now
    shownProgress = progress
    Terminal.error.write(ProgressText.line(progress) + "\n")
  }

  /// One every two seconds: a run may evaluate at every step, and the bar has the last loss.
  private func showEvaluation(_ record: EvaluationRecord) {
    if let evaluationShownAt, evaluationShownAt.duration(to: clock.now) < .seconds(2) { return }
    evaluationShownAt = clock.now
    showLastProgress()
    show(ProgressText.line(record))
  }

  /// In a log, the step that what follows belongs to, where its line has not been written yet.
  private func showLastProgress() {
    guard let progress, terminal == nil, progress != shownProgress, !isQuiet else { return }
    shownProgress = progress
    Terminal.error.write(ProgressText.line(progress) + "\n")
  }

  // MARK: The bar

  private func redraw() {
    guard let terminal, let progress, !isQuiet else { return }
    // One column stays free: a full line would make some terminals wrap.
    terminal.write("\r" + bar.line(progress, width: terminal.style.width - 1) + "\u{1B}[K")
    isDrawn = true
  }

  private func draw(_ text: String) {
    guard let terminal, !isQuiet else { return }
    terminal.write("\r" + bar.line(text, width: terminal.style.width - 1) + "\u{1B}[K")
    isDrawn = true
  }

  private func erase() {
    guard let terminal, isDrawn else { return }
    terminal.write("\r\u{1B}[K")
    isDrawn = false
  }
}
