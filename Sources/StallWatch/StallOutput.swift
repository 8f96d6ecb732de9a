import FlightRecorder
import Glibc
import Recording
import Reports

/// Where a watcher says what it found: rank 0's standard output as events for a coordinator, or
/// standard error as lines for people; and the run directory.
struct StallOutput {
  let printsEvents: Bool

  /// A rank is waited for.
  func report(_ stall: Stall) {
    if printsEvents {
      write(
        JSONText(of: WorkerEvent.stall(WorkerEvent.Stall(state: .began, text: stall.text))).string,
        to: STDOUT_FILENO)
    } else {
      write("warning: \(stall.text)", to: STDERR_FILENO)
    }
  }

  /// It came.
  func reportEnd(_ stall: Stall, seconds: Double) {
    let who =
      stall.missing.isEmpty
      ? "the ranks go"
      : "\(Stall.names(stall.missing.map { ($0.rank, $0.host) })) \(stall.missing.count == 1 ? "goes" : "go")"
    let text = "\(who) on after \(NumberFormat.fixed(seconds, decimals: seconds < 10 ? 1 : 0)) s"
    if printsEvents {
      write(
        JSONText(of: WorkerEvent.stall(WorkerEvent.Stall(state: .ended, text: text))).string,
        to: STDOUT_FILENO)
    } else {
      write("note: \(text)", to: STDERR_FILENO)
    }
  }

  /// The run is about to be ended.
  func reportAbort(_ stall: Stall, limit: Double, directory: String?) {
    let text =
      "\(stall.text); the run is ended (--stall-abort \(NumberFormat.fixed(limit, decimals: limit == limit.rounded() ? 0 : 1)))"
      + (directory.map { "; every rank's last collectives: \($0)" } ?? "")
    if printsEvents {
      write(
        JSONText(of: WorkerEvent.stall(WorkerEvent.Stall(state: .fatal, text: text))).string,
        to: STDOUT_FILENO)
    }
    // A worker's own error, which the coordinator reads as the cause.
    let first =
      stall.missing.first.map { ($0.rank, $0.host) } ?? stall.calls.last.map { ($0.rank, $0.host) }
      ?? (0, hostName())
    if !printsEvents { write("rank \(first.0) on \(first.1): stalled: \(text)", to: STDERR_FILENO) }
  }

  /// Appends a line to `incidents.jsonl`; a file that cannot be written is not worth more trouble
  /// now.
  func record(_ stall: Stall, in directory: String?) {
    if let directory { try? RunDirectory(directory).append(incident: stall) }
  }

  /// Writes `stalls/rank-R.jsonl` for each rank: what it was doing, then its last collectives, with
  /// times in seconds from the end of this host's clock (other hosts' clocks differ). Returns the
  /// directory, or nil where it cannot be made.
  func write(
    _ entries: [WatchMessage.Entries], states: [RankState], in directory: String?, now: UInt64
  ) -> String? {
    guard let folder = directory.map({ RunDirectory($0).stalls }) else { return nil }
    do throws(RunFileError) { try RunDirectory.make(folder) } catch { return nil }
    for rank in entries {
      var text = JSONText()
      let state = states.first { $0.rank == rank.rank }
      text.object {
        $0.field("rank", rank.rank)
        $0.field("host", rank.host)
        $0.field("process", state.map { Int($0.process) })
        $0.field("state", state?.condition.rawValue)
        $0.field("phase", state?.phase.name)
        $0.field("step", state?.step)
        $0.field("quiet_seconds", state?.quiet)
        $0.field("waits_in", state?.wait.map { $0.entry.kind.name })
      }
      var lines = text.string + "\n"
      for entry in rank.entries {
        var line = JSONText()
        line.object {
          $0.field("number", entry.number)
          $0.field("communicator", String(entry.group, radix: 16))
          $0.field("sequence", entry.sequence)
          $0.field("collective", entry.kind.name)
          $0.field("bytes", entry.bytes)
          $0.field("step", entry.step)
          $0.field("entered", seconds(entry.entered, since: now))
          $0.field("left", entry.left.map { seconds($0, since: now) })
        }
        lines += line.string + "\n"
      }
      let file = open(
        "\(folder)/rank-\(rank.rank).jsonl", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
      guard file >= 0 else { continue }
      let bytes = Array(lines.utf8)
      _ = Glibc.write(file, bytes, bytes.count)
      close(file)
    }
    return folder
  }

  /// Negative for what was before.
  private func seconds(_ time: UInt64, since now: UInt64) -> Double {
    (Double(time) - Double(now)) * 1e-9
  }

  /// One line in one system call. A reader that takes nothing is not waited for.
  private func write(_ text: String, to file: Int32) {
    let bytes = Array((PlainText.sanitized(text, limit: 100_000) + "\n").utf8)
    var ready = pollfd(fd: file, events: Int16(POLLOUT), revents: 0)
    guard poll(&ready, 1, 1000) == 1 else { return }
    _ = Glibc.write(file, bytes, bytes.count)
  }

  private func hostName() -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    gethostname(&buffer, 255)
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
