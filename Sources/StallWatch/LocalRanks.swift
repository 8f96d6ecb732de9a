import FlightRecorder
import Glibc
import Processes

/// The ranks of this host, as their watcher sees them.
struct LocalRanks {
  private let place: LaunchPlace
  private let host: String
  private var watched: [Int32: Watched] = [:]
  private var nextSearch: UInt64 = 0
  private var searches = 0
  private var lastLook: UInt64 = 0

  private struct Watched {
    var rank: Int
    /// Nil as long as the process has no record.
    var image: FlightImage?
    var activity: [UInt64] = []
    var changed: UInt64
  }

  /// `parent` is the record of the rank that started the watcher.
  init(_ place: LaunchPlace, parent: FlightImage, now: UInt64) {
    self.place = place
    host = parent.host
    watched[parent.process] = Watched(rank: place.rank, image: parent, changed: now)
  }

  var processes: [Int32] { watched.keys.sorted() }

  /// A record's last collectives by rank.
  var entries: [(rank: Int, entries: [FlightImage.Entry])] {
    watched.values.sorted { $0.rank < $1.rank }.compactMap { watched in
      watched.image.map { (watched.rank, $0.entries) }
    }
  }

  /// Looks at all ranks. After a pause much longer than `interval`, the watcher itself was stopped,
  /// and all ranks count as having moved since.
  mutating func look(now: UInt64, interval: Double) -> [RankState] {
    search(now)
    let wasAway = lastLook > 0 && seconds(from: lastLook, to: now) > 5 * interval + 1
    lastLook = now
    for (process, entry) in watched {
      let activity = entry.image?.activity ?? []
      if activity != entry.activity || wasAway {
        (watched[process]!.activity, watched[process]!.changed) = (activity, now)
      }
    }
    return watched.map { state($0, $1, now) }.sorted { $0.rank < $1.rank }
  }

  private func state(_ process: Int32, _ watched: Watched, _ now: UInt64) -> RankState {
    let quiet = seconds(from: watched.changed, to: now)
    var state = RankState(rank: watched.rank, host: host, process: process, quiet: quiet)
    if quiet > 0 { state.condition = ProcessTable.condition(of: process) }
    guard let image = watched.image else { return state }
    (state.phase, state.step, state.groups) = (image.phase, image.step, image.groups)
    guard quiet > 0 else { return state }
    let entries = image.entries
    state.recent = Array(entries.suffix(16))
    if let waiting = image.waiting {
      let same = entries.filter { $0.kind == waiting.entry.kind && $0.group == waiting.entry.group }
      let waits = same.compactMap { entry in entry.left.map { seconds(from: entry.entered, to: $0) }
      }.sorted()
      state.wait = RankState.Wait(
        // What the rank did before does not count where this process was away.
        entry: waiting.entry, seconds: min(seconds(from: waiting.since, to: now), quiet),
        usual: waits.count >= 5 ? waits[waits.count / 2] : nil)
    }
    return state
  }

  /// Looks for ranks that are not known yet: often at first, then now and then.
  private mutating func search(_ now: UInt64) {
    let known = watched.filter { $1.image != nil }
    guard now >= nextSearch, place.localSize == 0 || known.count < place.localSize else { return }
    searches += 1
    nextSearch = now + (searches < 100 ? 200_000_000 : 5_000_000_000)
    for found in ProcessTable.ranks(ofJob: place.job, knowing: Set(known.keys)) {
      // A shell that starts the rank has its environment too: the rank is who has a record.
      if let image = found.image {
        watched = watched.filter { $1.rank != found.rank }
        watched[found.process] = Watched(rank: found.rank, image: image, changed: now)
      } else if !watched.values.contains(where: { $0.rank == found.rank }) {
        watched[found.process] = Watched(rank: found.rank, image: nil, changed: now)
      }
    }
  }

  private func seconds(from start: UInt64, to end: UInt64) -> Double {
    end > start ? Double(end - start) * 1e-9 : 0
  }
}
