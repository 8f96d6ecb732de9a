import Recording
import Reports
import Training
import Vectors

/// What a rank did when, as rank 0 got it: times on rank 0's clock.
struct RankSpans {
  let rank: Int
  let host: String
  let spans: [(activity: StepProfile.Activity, start: Int64, end: Int64)]

  /// `words` are activity, start and end of each span; `clockOffset` is how far that rank's clock
  /// is ahead.
  init(rank: Int, host: String, words: [UInt64], clockOffset: Int64) {
    (self.rank, self.host) = (rank, host)
    spans = stride(from: 0, to: words.count, by: 3).map { index in
      let (start, end) = (Int64(words[index + 1]), Int64(words[index + 2]))
      return (StepProfile.Activity(code: words[index]), start - clockOffset, end - clockOffset)
    }
  }
}

/// All ranks' spans: as a trace, and added up.
struct ProfileSummary {
  let trace: ChromeTrace
  let ranks: [BenchProfile.Rank]
  let parts: [BenchProfile.Part]

  /// `forwardSeconds` is what the forward pass takes by itself: the first gradient's span holds it.
  init(_ all: [RankSpans], layout: TensorLayout, forwardSeconds: Double) {
    let origin = all.compactMap { $0.spans.map(\.start).min() }.min() ?? 0
    var events: [ChromeTrace.Event] = []
    var ranks: [BenchProfile.Rank] = []
    var gradients = [Double](repeating: 0, count: layout.segments.count)
    var (passes, order): (Int, [Int]) = (0, [])
    for rank in all {
      var seconds = PhaseTimes()
      var steps = 0
      // Of the time until the next gradient is complete.
      var onMessages = 0.0
      for span in rank.spans {
        let length = Double(span.end - span.start)
        events.append(
          ChromeTrace.Event(
            row: rank.rank, name: span.activity.name(in: layout),
            start: Double(span.start - origin) * 1e-3, length: length * 1e-3))
        switch span.activity {
        case .step: steps += 1
        case .phase(let phase): seconds[phase] += length
        case .messages:
          seconds[.compute] -= length
          seconds[.reduce] += length
          onMessages += length
        case .gradient(let tensor):
          gradients[tensor] += length - onMessages
          onMessages = 0
          if order.first == tensor || order.isEmpty { passes += 1 }
          if passes == 1 { order.append(tensor) }
        }
      }
      ranks.append(
        BenchProfile.Rank(
          rank: rank.rank, host: rank.host, seconds: seconds * (1e-9 / Double(max(steps, 1)))))
    }
    self.ranks = ranks
    trace = ChromeTrace(rows: all.map { "rank \($0.rank) on \($0.host)" }, events: events)
    parts = Self.parts(
      order.map { (layout.segments[$0].name, gradients[$0] * 1e-6 / Double(max(passes, 1))) },
      forward: forwardSeconds * 1e3)
  }

  /// The forward pass, then layers in the order of the backward pass; tensors of a layer, and like
  /// layers of a stack of blocks, together.
  private static func parts(_ tensors: [(name: String, ms: Double)], forward: Double)
    -> [BenchProfile.Part]
  {
    guard !tensors.isEmpty else { return [] }
    var parts = [BenchProfile.Part(name: "forward and loss", ms: forward)]
    for (index, tensor) in tensors.enumerated() {
      let name = "gradient of \(kind(of: tensor.name))"
      let ms = index == 0 ? max(0, tensor.ms - forward) : tensor.ms
      if let known = parts.firstIndex(where: { $0.name == name }) {
        parts[known].ms += ms
      } else {
        parts.append(.init(name: name, ms: ms))
      }
    }
    return parts
  }

  /// `transformer.h.3.mlp.c_fc.weight` is one of `transformer.h.*.mlp.c_fc`; `layers.1.weight`
  /// belongs to `layers.1`.
  private static func kind(of tensor: String) -> String {
    let path = tensor.split(separator: ".").dropLast()
    return path.enumerated().map { $0 < path.count - 1 && Int($1) != nil ? "*" : String($1) }
      .joined(separator: ".")
  }
}
