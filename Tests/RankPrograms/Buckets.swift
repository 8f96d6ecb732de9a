import Configuration
import GradientReduction
import Data
import MPI
import Models
import Training
import Vectors

/// Sums in buckets against a plain sum in the order of the ranks, to the bit: tensors larger than a
/// bucket, empty ones, ones with gaps after them, and ranks that send at different moments. The
/// reducers that have buckets send them early, and no others.
let bucketsProgram = RankProgram("buckets") { world, _ in
  let layouts = [
    [], [[0]], [[3]], [[0], [5], [0]], [[7, 100], [1], [0, 4], [2], [3000], [40, 3], [16], [0]],
    [[1], [20_001], [1]],
  ]
  var cases: [Case] = []
  for ranks in 1...4 {
    cases.append(
      Case("early departure on \(ranks) ranks", ranks: ranks) { try checkDeparture(on: $0) })
    for shapes in layouts {
      var layout = TensorLayout()
      for (index, shape) in shapes.enumerated() { layout.add("tensor\(index)", shape: shape) }
      for bytes in [1, 64, 4096, 1 << 20] {
        for gathers in [true, false] {
          let name =
            "tensors \(shapes), buckets of \(bytes) bytes, \(gathers ? "gathered" : "scattered"), on \(ranks) ranks"
          cases.append(
            Case(name, ranks: ranks) { [layout] part in
              let buckets = try GradientBuckets(
                layout, bytes: bytes, gathers: gathers,
                piece: gathers ? nil : { layout.slice($1, of: ranks).clamped(to: $0) }, on: part)
              // More than one: the rest of one sum must not show in the next.
              for round in 0..<3 {
                try checkSum(buckets, layout, gathers: gathers, round: round, on: part)
              }
            })
        }
      }
    }
  }
  try run(cases, on: world)
}

private func checkDeparture(on world: borrowing Communicator) throws {
  var layout = TensorLayout()
  layout.add("tensor", shape: [100])
  for overlapping in [true, false] {
    let reducers: [any GradientReducer] = [
      try AllReduceReducer(layout, overlapping: overlapping, on: world),
      try ReduceScatterReducer(layout, overlapping: overlapping, on: world),
    ]
    for reducer in reducers {
      var gradient = try reducer.makeGradient(on: world)
      try reducer.begin((0..<world.size).map { $0..<$0 + 1 }, on: world)
      let leaves = reducer.ready(&gradient, from: 0)
      _ = try reducer.reduce(&gradient, on: world)
      try expect(
        leaves == (overlapping && world.size > 1),
        "\(type(of: reducer)) on \(world.size) ranks, overlapping \(overlapping): leaves early \(leaves)"
      )
    }
  }
}

private func checkSum(
  _ buckets: GradientBuckets, _ layout: TensorLayout, gathers: Bool, round: Int,
  on world: borrowing Communicator
) throws {
  var gradient = buckets.makeGradient()
  var sums = [Float](repeating: 0, count: layout.elementCount)
  for rank in 0..<world.size {
    var random = RandomStream(UInt64(round), UInt64(rank))
    for segment in layout.segments {
      for position in segment.range {
        let value = Float(Int64(random.next() % 2_000_001) - 1_000_000) * 1.7e-3
        sums[position] += value
        if rank == world.rank { gradient.base[position] = value }
      }
    }
  }
  // Each rank stops sending early at another tensor, and looks for messages more or less often.
  var random = RandomStream(UInt64(round), UInt64(world.rank), 1)
  let stop = Int(random.next() % UInt64(layout.segments.count + 1))
  for (index, segment) in layout.segments.enumerated().reversed() where index >= stop {
    buckets.start(&gradient, from: segment.range.lowerBound)
    for _ in 0..<random.next() % 4 { buckets.poll() }
  }
  try buckets.finish(&gradient)
  let summed = gathers ? 0..<layout.elementCount : layout.slice(world.rank, of: world.size)
  for position in summed {
    let (value, sum) = (gradient.base[position], sums[position])
    try expect(
      value.bitPattern == sum.bitPattern,
      "element \(position) of \(layout.elementCount) is \(value), not \(sum)")
  }
}

/// A rank throws while its buckets, and the others', are under way. Argument: which one.
let bucketFailureProgram = RankProgram("bucket-failure") { world, arguments in
  var layout = TensorLayout()
  for index in 0..<8 { layout.add("tensor\(index)", shape: [100_000]) }
  let buckets = try GradientBuckets(layout, gathers: true, on: world)
  var gradient = buckets.makeGradient()
  for index in (4..<8).reversed() {
    buckets.start(&gradient, from: layout.segments[index].range.lowerBound)
  }
  buckets.poll()
  if world.rank == Int(arguments[0]) {
    throw CheckFailure(description: "no more, after four of eight tensors")
  }
  try buckets.finish(&gradient)
  print("rank \(world.rank) has the sum")
}

/// Runs have the same bits whether gradients leave early on all ranks, on none, or on some; under
/// every rule, with ranks that have no samples or fewer, by messages alone and between two nodes.
///
/// A fault that changes nothing holds a rank's gradient back until the pass is over. On two ranks a
/// whole gradient's sum has the bits that MPI's own reductions give it.
let overlapBitsProgram = RankProgram("overlap-bits") { world, _ in
  setComputeThreads(1)
  let batches = [
    ["training.global_batch=3", "training.micro_batch=1"],
    ["training.global_batch=29", "training.micro_batch=4"],
    ["training.global_batch=1"], ["model.hidden=[700, 300]", "training.steps=3"],
    ["clip.rule=global", "clip.scope=worker", "clip.max_norm=0.2", "report.every=2"],
    ["regularization.sam_radius=0.05", "regularization.synchronized=false"],
    ["report.noise=micro-batches"],
  ]
  var cases: [Case] = []
  for (number, (text, overrides))
    in (batches.map { (ruleExperiments[0].text, $0) } + ruleExperiments).enumerated()
  {
    // The larger rank counts where batches are odd.
    for ranks in number < batches.count ? [1, 2, 3, 4] : [2] {
      for gradient in ["replicated", "sharded"] {
        let keys = overrides + ["training.gradient=\(gradient)", "training.exchange=messages"]
        cases.append(
          Case("\(keys.joined(separator: " ")) on \(ranks) ranks", ranks: ranks) { part in
            try compareDepartures(text, keys, on: part)
          })
      }
    }
    if number < batches.count {
      let keys = overrides + ["training.exchange=shared"]
      cases.append(
        Case("\(keys.joined(separator: " ")) on two nodes", ranks: 4) { part in
          try compareDepartures(text, keys, ranksPerNode: 2, on: part)
        })
    }
  }
  try run(cases, on: world)
}

private func compareDepartures(
  _ text: String, _ keys: [String], ranksPerNode: Int? = nil, on part: borrowing Communicator
) throws {
  func transcript(_ overlap: String = "always", isLate: Bool) throws -> Transcript {
    let own = ["training.reproducible=false", "training.overlap=\(overlap)"]
    let trainer = try trainer(text, keys + own, ranksPerNode: ranksPerNode, on: part)
    if isLate { trainer.faults.changeGradient = { _, _ in } }
    return try Transcript(of: trainer, on: part)
  }
  let early = try transcript(isLate: false)
  var others = [
    ("late", try transcript(isLate: true)),
    ("mixed", try transcript(isLate: part.rank % 2 == 1)),
  ]
  if part.size <= 2 && keys.contains("training.gradient=replicated") {
    others.append(("MPI's", try transcript("never", isLate: false)))
  }
  for (name, other) in others { try early.expectEqual(to: other, "early and \(name)", on: part) }
}
