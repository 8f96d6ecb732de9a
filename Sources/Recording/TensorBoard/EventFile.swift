import Glibc

/// A file of events as TensorBoard reads it, next to the run's other files: scalars of every step,
/// norms of tensors now and then.
///
/// TFRecord framing: length, its masked CRC-32C, the event, its masked CRC-32C. Each step is one
/// write(2), so that a TensorBoard that looks on sees it. A run that goes on begins a file of its
/// own, whose first record makes TensorBoard forget what other files have of later steps. Not for
/// use by two threads. Errors name the path and the byte offset.
public struct EventFile: ~Copyable {
  public let path: String
  private let descriptor: Int32
  private var length = 0
  private var event = ProtocolBuffer()
  private let every: Int
  /// The metrics that TensorBoard shows, with their tags.
  private var scalars: [(tag: String, metric: any Metric)]

  /// Starts a file in a run directory. `step` is the last one of the checkpoint that the run goes
  /// on from; `every` how many steps lie between two records of the tensors' norms; `metrics` what
  /// the records have besides their own.
  public init(
    in directory: String, host: String, resumingAt step: Int?, every: Int,
    metrics: [MetricDeclaration] = []
  ) throws(RunFileError) {
    scalars = Metrics.inRecords(with: metrics).compactMap { metric in
      metric.declaration.tag.map { ($0, metric) }
    }
    // TensorBoard reads a directory's files by name: the seconds must be later than those of the
    // files that are there.
    let others = RunDirectory.eventFiles(in: directory).compactMap {
      Int($0.dropFirst(Self.prefix.count).prefix { $0 != "." })
    }
    let seconds = max(time(nil), (others.max() ?? 0) + 1)
    let name = String(
      host.unicodeScalars.map {
        $0.properties.isAlphabetic || "0123456789-".unicodeScalars.contains($0)
          ? Character($0) : "_"
      })
    path = "\(directory)/\(Self.prefix)\(seconds).\(name).\(getpid()).0"
    self.every = max(1, every)
    descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw RunFileError(path: path, cannot: "open it for writing", code: errno)
    }
    event.field(1, Self.now)
    event.field(3, "brain.Event:2")
    try writeRecord()
    guard let step else { return }
    begin(step: step + 1)
    event.field(7) { $0.field(1, 1) }
    try writeRecord()
  }

  static let prefix = "events.out.tfevents."

  deinit { close(descriptor) }

  /// Writes a step's scalars, and the tensors' norms where it is their turn; numbers that are not
  /// known are left out.
  public mutating func append(_ record: StepRecord) throws(RunFileError) {
    begin(step: record.step)
    let withTensors = record.step == 1 || record.step % every == 0
    event.field(5) { summary in
      for index in scalars.indices {
        Self.scalar(scalars[index].tag, scalars[index].metric.value(of: record), &summary)
      }
      guard withTensors else { return }
      for layer in record.norm.layers { Self.scalar("layers/\(layer.name)", layer.value, &summary) }
      Self.histogram(
        "norm/layers", record.norm.layers.compactMap(\.value).filter(\.isFinite), &summary)
    }
    try writeRecord()
  }

  /// Writes what the weights score after a step, as `WHAT/NAME`.
  public mutating func append(
    evaluation: [NamedNumber], step: Int, of what: String = "evaluation"
  ) throws(RunFileError) {
    begin(step: step)
    event.field(5) { summary in
      for number in evaluation { Self.scalar("\(what)/\(number.name)", number.value, &summary) }
    }
    try writeRecord()
  }

  // MARK: Parts of an event

  private mutating func begin(step: Int) {
    event.removeAll()
    event.field(1, Self.now)
    event.field(2, step)
  }

  private static func scalar(_ tag: String, _ value: Double?, _ summary: inout ProtocolBuffer) {
    guard let value, value.isFinite else { return }
    summary.field(1) {
      $0.field(1, tag)
      $0.field(2, Float(value))
    }
  }

  /// Buckets whose limits grow by a tenth, as TensorFlow's own writer makes them.
  private static func histogram(_ tag: String, _ values: [Double], _ summary: inout ProtocolBuffer)
  {
    guard !values.isEmpty else { return }
    var counts: [Int: Double] = [:]
    for value in values { counts[bucket(value), default: 0] += 1 }
    let keys = counts.keys.sorted()
    // An empty bucket below each run of full ones says where it begins.
    var limits: [Double] = []
    var heights: [Double] = []
    for key in keys {
      if limits.last.map({ $0 < limit(key - 1) }) ?? true {
        limits.append(limit(key - 1))
        heights.append(0)
      }
      limits.append(limit(key))
      heights.append(counts[key]!)
    }
    summary.field(1) {
      $0.field(1, tag)
      $0.field(5) {
        $0.field(1, values.min()!)
        $0.field(2, values.max()!)
        $0.field(3, Double(values.count))
        $0.field(4, values.reduce(0, +))
        $0.field(5, values.reduce(0) { $0 + $1 * $1 })
        $0.field(6, packed: limits)
        $0.field(7, packed: heights)
      }
    }
  }

  private static let smallest = 1e-12
  private static func bucket(_ value: Double) -> Int {
    value <= smallest ? 0 : Int((log(value / smallest) / log(1.1)).rounded(.up))
  }
  private static func limit(_ bucket: Int) -> Double {
    bucket < 0 ? 0 : smallest * pow(1.1, Double(bucket))
  }

  private static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  // MARK: Records

  private mutating func writeRecord() throws(RunFileError) {
    let content = event.bytes
    var record: [UInt8] = []
    record.reserveCapacity(content.count + 16)
    func append(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { record.append(contentsOf: $0) }
    }
    append(UInt64(content.count))
    append(CRC32C.masked(record[...]))
    record += content
    append(CRC32C.masked(content[...]))
    var written = 0
    while written < record.count {
      let count = record.withUnsafeBytes {
        write(descriptor, $0.baseAddress! + written, $0.count - written)
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw RunFileError(
          path: path, cannot: "write \(record.count - written) bytes at byte \(length)", code: errno
        )
      }
      written += count
      length += count
    }
  }
}
