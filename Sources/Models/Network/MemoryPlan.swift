/// Where the values of a network lie in one block of memory, so that a step allocates nothing and a
/// place is used again once what lay there is not read any more.
///
/// All lengths are per sample: a batch of n samples has everything n times as long, and n times as
/// far. Time is that of a ``LayerSchedule``; what a segment that is recomputed makes lies elsewhere
/// the second time.
struct MemoryPlan {
  /// A value's place, and that of its gradient; nil where nothing lies there.
  struct Place: Equatable {
    var values: Int?
    /// Where its values lie when they are computed again, for the layers of its segment.
    var again: Int?
    var gradient: Int?
    /// The segment of the layer that makes it.
    var segment: Int?
  }

  let schedule: LayerSchedule
  /// Whether all that the tensors' gradients are made of lasts until after the last backward pass.
  let keepsGradients: Bool

  /// By the value's index.
  private(set) var places: [Place]
  /// What each layer keeps for the backward pass, by the layer's index: where the forward pass
  /// leaves it, and where the backward pass finds it, which a second forward pass may have left.
  private(set) var saved: [(forward: Int, backward: Int)]
  /// What each layer uses within a call.
  private(set) var scratch: [(forward: Int, again: Int, backward: Int)]
  /// Places for the gradients that are to be added to others, by layer and input.
  private(set) var addends: [[Int]]
  /// The block's length.
  private(set) var count = 0
  /// Values that are needed whatever the number of samples.
  let fixedScratch: Int
  /// Whether a layer's gradient of its inputs is added to what another layer has left, by layer and
  /// input.
  private(set) var adds: [[Bool]]
  /// Whether a layer adds its first input's gradient itself, by layer.
  private(set) var addsItself: [Bool]

  /// A part of the block that is in use from one time to another, both included.
  private struct Use {
    var length: Int
    var from: Int
    var to: Int
    var put: (inout MemoryPlan, Int) -> Void
  }

  /// - Parameters:
  ///   - input: the value that the batch brings; its gradient is not wanted.
  ///   - sharesOutput: whether the loss writes the output's gradient over the output.
  ///   - keepsGradients: whether tensors get their gradients after all backward passes
  ///     (``SampleMeasuringLayer/deferredGradients(_:weights:into:finished:)``): the inputs and the result's
  ///     gradient of every layer with tensors then lie apart until the end.
  init(
    _ nodes: [NetworkBuilder.Node], values: [NetworkBuilder.Value], input: Int, sharesOutput: Bool,
    keepsGradients: Bool = false
  ) {
    self.keepsGradients = keepsGradients
    places = values.map { _ in Place() }
    (saved, scratch) = (nodes.map { _ in (0, 0) }, nodes.map { _ in (0, 0, 0) })
    let schedule = LayerSchedule(nodes)
    self.schedule = schedule
    addends = nodes.map { $0.inputs.map { _ in 0 } }
    adds = nodes.map { $0.inputs.map { _ in false } }
    addsItself = nodes.map { _ in false }
    fixedScratch = nodes.map(\.layer.memory.fixedScratch).max() ?? 0
    let end = nodes.count
    func backward(_ node: Int) -> Int { schedule.backward[node] }
    let finish = schedule.backward.max() ?? end
    /// Whether a layer gets its tensors' gradients at the end.
    func defers(_ node: Int) -> Bool { keepsGradients && nodes[node].layer.measuresSamples }
    /// When a layer reads for the last time what it keeps.
    func last(_ node: Int) -> Int { defers(node) ? finish : backward(node) }

    var readers: [[Int]] = values.map { _ in [] }
    var producer = [Int?](repeating: nil, count: values.count)
    for (index, node) in nodes.enumerated() {
      for value in node.inputs { readers[value.index].append(index) }
      producer[node.result.index] = index
    }
    let output = nodes[end - 1].result.index

    /// Whether a layer's backward pass reads a value.
    func keeps(_ node: NetworkBuilder.Node, _ value: Int) -> Bool {
      node.inputs.enumerated().contains {
        $0.element.index == value && node.layer.memory.keepsInput($0.offset)
      }
    }

    /// Whether a layer is computed again, later, from a value of before its segment.
    func isReadAgain(_ value: Int) -> Bool {
      readers[value].contains { reader in
        nodes[reader].segment != nil
          && nodes[reader].segment != producer[value].flatMap { nodes[$0].segment }
      }
    }

    // Values that share a place, and gradients that do: of a layer that writes over its input, which
    // nothing reads later.
    var roots = Array(values.indices)
    var gradientHosts = [Int?](repeating: nil, count: values.count)
    for (index, node) in nodes.enumerated() where node.layer.memory.isInPlace {
      let x = node.inputs[0].index
      guard x != input, readers[x].last == index, readers[x].filter({ $0 == index }).count == 1,
        !(sharesOutput && node.result.index == output)
      else { continue }
      let resultIsKept = producer[x].map { nodes[$0].layer.memory.keepsResult } ?? false
      if !resultIsKept && !isReadAgain(x) && !readers[x].contains(where: { keeps(nodes[$0], x) }) {
        roots[node.result.index] = roots[x]
      }
      if !defers(index) { gradientHosts[x] = node.result.index }
    }
    // The gradient of an input lies where that of the result does, which is made before it.
    func gradientRoot(_ value: Int) -> Int {
      var value = value
      while let host = gradientHosts[value] { value = host }
      return value
    }

    var spans: [Int: (length: Int, from: Int, to: Int)] = [:]
    var againSpans: [Int: (length: Int, from: Int, to: Int)] = [:]
    var gradientSpans: [Int: (length: Int, from: Int, to: Int)] = [:]
    func extend(
      _ spans: inout [Int: (length: Int, from: Int, to: Int)], _ key: Int, _ length: Int,
      _ from: Int, _ to: Int
    ) {
      let old = spans[key] ?? (length, from, to)
      spans[key] = (max(old.length, length), min(old.from, from), max(old.to, to))
    }
    for value in values where value.index != input {
      // What lay between two layers that are now one has no place.
      guard let made = producer[value.index] else { continue }
      let (index, segment) = (value.index, nodes[made].segment)
      places[index].segment = segment
      // The last time that it is read: as the forward pass makes it, and as it is made again.
      var lastTime = readers[index].max() ?? end
      var lastAgain = 0
      for reader in readers[index] {
        let isInside = segment != nil && nodes[reader].segment == segment
        let time = max(
          schedule.again[reader] ?? 0, keeps(nodes[reader], index) ? last(reader) : 0)
        if isInside { lastAgain = max(lastAgain, time) } else { lastTime = max(lastTime, time) }
      }
      if nodes[made].layer.memory.keepsResult {
        if segment == nil {
          lastTime = max(lastTime, backward(made))
        } else {
          lastAgain = max(lastAgain, backward(made))
        }
      }
      if index == output { lastTime = max(lastTime, sharesOutput ? last(made) : end) }
      extend(&spans, roots[index], value.shape.count, made, lastTime)
      if let time = schedule.again[made] {
        extend(&againSpans, roots[index], value.shape.count, time, max(time, lastAgain))
      }
      // Its gradient is made by the reader that comes last, or by the loss.
      if !value.isTrained || index == output && sharesOutput { continue }
      let first = readers[index].max().map(backward) ?? end
      extend(&gradientSpans, gradientRoot(index), value.shape.count, first, last(made))
    }
    for (index, node) in nodes.enumerated() {
      for (position, value) in node.inputs.enumerated() where value.isTrained {
        adds[index][position] =
          readers[value.index].max() != index
          || node.inputs[..<position].contains { $0.index == value.index }
      }
      if adds[index][0] && node.layer.memory.addsToGradient {
        (adds[index][0], addsItself[index]) = (false, true)
      }
    }

    var uses: [Use] = []
    for (root, span) in spans.sorted(by: { $0.key < $1.key }) {
      uses.append(
        Use(length: span.length, from: span.from, to: span.to) { plan, offset in
          for value in roots.indices where roots[value] == root && value != input {
            plan.places[value].values = offset
          }
        })
    }
    for (root, span) in againSpans.sorted(by: { $0.key < $1.key }) {
      uses.append(
        Use(length: span.length, from: span.from, to: span.to) { plan, offset in
          for value in roots.indices where roots[value] == root {
            plan.places[value].again = offset
          }
        })
    }
    for (root, span) in gradientSpans.sorted(by: { $0.key < $1.key }) {
      uses.append(
        Use(length: span.length, from: span.from, to: span.to) { plan, offset in
          for value in values where value.isTrained && gradientRoot(value.index) == root {
            plan.places[value.index].gradient = offset
          }
        })
    }
    for (index, node) in nodes.enumerated() {
      let memory = node.layer.memory
      if memory.saved > 0 {
        let isRecomputed = node.segment != nil
        uses.append(
          Use(length: memory.saved, from: index, to: isRecomputed ? index : last(index)) {
            $0.saved[index] = ($1, $1)
          })
        if let time = schedule.again[index] {
          uses.append(
            Use(length: memory.saved, from: time, to: last(index)) {
              $0.saved[index].backward = $1
            })
        }
      }
      if memory.scratch > 0 {
        func use(
          _ time: Int, until end: Int? = nil, _ put: @escaping (inout MemoryPlan, Int) -> Void
        ) {
          uses.append(Use(length: memory.scratch, from: time, to: end ?? time, put: put))
        }
        use(index) { $0.scratch[index].forward = $1 }
        if let time = schedule.again[index] { use(time) { $0.scratch[index].again = $1 } }
        use(backward(index), until: memory.keepsScratch ? last(index) : nil) {
          $0.scratch[index].backward = $1
        }
      }
      for (position, value) in node.inputs.enumerated() where adds[index][position] {
        let time = backward(index)
        uses.append(
          Use(length: value.shape.count, from: time, to: time) {
            $0.addends[index][position] = $1
          })
      }
    }
    place(uses)
    if sharesOutput { places[output].gradient = places[output].values }
  }

  /// Gives each use the lowest place that is free while it lasts, longest first.
  private mutating func place(_ uses: [Use]) {
    var placed: [(range: Range<Int>, from: Int, to: Int)] = []
    let order = uses.indices.sorted {
      uses[$0].length != uses[$1].length
        ? uses[$0].length > uses[$1].length : (uses[$0].from, $0) < (uses[$1].from, $1)
    }
    for index in order {
      let use = uses[index]
      let length = (use.length + 15) / 16 * 16
      let others = placed.filter { $0.from <= use.to && use.from <= $0.to }
        .sorted { $0.range.lowerBound < $1.range.lowerBound }
      var offset = 0
      for other in others where other.range.upperBound > offset {
        if other.range.lowerBound >= offset + length { break }
        offset = other.range.upperBound
      }
      placed.append((offset..<offset + length, use.from, use.to))
      count = max(count, offset + length)
      use.put(&self, offset)
    }
  }
}
