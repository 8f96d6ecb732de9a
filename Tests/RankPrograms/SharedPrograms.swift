import Configuration
import Data
import FoundationEssentials
import Glibc
import MPI
import Models
import Training
import Vectors

/// The exchange through shared memory against the one by messages, bit for bit, over every rule.
///
/// Sums of two Floats do not depend on their order; those of more do not where every gradient is a
/// multiple of 2⁻¹⁴, as it is made here before it is measured, for then no addition rounds. Four
/// ranks are taken as one node and as two. A clip or a mixture of each worker's own makes other
/// numbers again.
let sharedBitsProgram = RankProgram("shared-bits") { world, _ in
  setComputeThreads(1)
  let alone = [["clip.rule=global", "clip.scope=worker", "clip.max_norm=0.2", "report.every=2"]]
  let climbing = [
    "regularization.sam_radius=0.05", "regularization.synchronized=false",
    "regularization.gradient_norm=0.01",
  ]
  for (number, (text, overrides))
    in (ruleExperiments + (alone + [climbing]).map { (ruleExperiments[0].text, $0) }).enumerated()
  {
    // Some at more ranks than there are cores for, in two nodes and in four.
    let nodes =
      number % 10 == 1 ? [(2, nil), (4, nil), (4, 2), (8, 4), (6, 2)] : [(2, nil), (4, 2)]
    let isLocal =
      overrides.contains("clip.scope=worker")
      || overrides.contains("regularization.synchronized=false")
    for (ranks, ranksPerNode) in nodes where ranks == 2 || !isLocal {
      try onRanks([ranks], of: world) { part in
        let keys = overrides + ["training.reproducible=false"]
        let (messages, shared) = (
          try transcript(text, keys + ["training.exchange=messages"], nil, on: part),
          try transcript(text, keys + ["training.exchange=shared"], ranksPerNode, on: part)
        )
        if part.rank == 0, let difference = shared.difference(from: messages) {
          throw CheckFailure(
            description:
              "\(overrides.joined(separator: " ")) on \(ranks) ranks, \(ranksPerNode ?? ranks) a node: \(difference)"
          )
        }
      }
    }
  }
}

private func transcript(
  _ text: String, _ keys: [String], _ ranksPerNode: Int?, on world: borrowing Communicator
) throws -> Transcript {
  let experiment = try Experiment(text: text, source: "shared", overrides: keys)
  let data = try TrainingData(experiment.data, seed: experiment.seed, on: world)
  let trainer = try Trainer(experiment, data: data, ranksPerNode: ranksPerNode, on: world)
  if world.size > 2 { trainer.faults.changeGradient = { gradient, _ in gradient.roundCoarsely() } }
  return try Transcript(of: trainer, on: world)
}

extension FlatVector {
  /// Rounds every element to a multiple of 2⁻¹⁴.
  fileprivate mutating func roundCoarsely() {
    var elements = mutableElements
    for index in elements.indices {
      elements[index] = (elements[index] * 0x1p14).rounded() * 0x1p-14
    }
  }
}

private let small = """
  [model]
  hidden = [300]
  [data]
  kind = "blobs"
  samples = 400
  classes = 3
  dimensions = 10
  [training]
  global_batch = 12
  steps = 5
  [clip]
  rule = "global"
  """

/// Where a rank cannot make or open the memory, or nodes have unequally many ranks, all send
/// messages, and say why. With the argument `shared`, which asks for shared memory, the job ends
/// with one line.
let sharedFallbackProgram = RankProgram("shared-fallback") { world, arguments in
  let isAsked = arguments.first == "shared"
  let truth = try weights("messages", noting: [], on: world)
  try expect(try weights("auto", ranksPerNode: 1, noting: [], on: world) == truth, "a rank a node")
  try expect(
    try weights(
      "auto", ranksPerNode: 2, noting: ["by messages", "the nodes have from 1 to 2 ranks"],
      on: world) == truth, "unequal nodes")
  let ordered = try weights("messages", reproducible: true, noting: [], on: world)
  try expect(
    try weights("auto", reproducible: true, noting: [], on: world) == ordered, "reproducible")
  try expect(
    try weights("auto", reproducible: true, ranksPerNode: 1, noting: [], on: world) == ordered,
    "reproducible, a rank a node")
  let apart = ["by messages", "the ranks are on several nodes"]
  try expect(
    try weights("auto", reproducible: true, ranksPerNode: 2, noting: apart, on: world) == ordered,
    "reproducible, on two nodes")

  // The last rank may open no more files.
  try limited(RLIMIT_NOFILE, to: world.rank == world.size - 1 ? 0 : nil) {
    let reason = [
      "by messages", "rank 2 on \(hostName()): /proc/",
      "the memory of the node's first rank, cannot be opened",
    ]
    try expect(
      try weights("auto", noting: reason, on: world) == truth, "a rank that cannot open the memory")
    try expect(
      try weights("auto", reproducible: true, noting: reason, on: world) == ordered,
      "reproducible, such a rank")
  }
  // The first rank may make no large file; the system would end a process that tries, unless told
  // otherwise.
  signal(SIGXFSZ, SIG_IGN)
  try limited(RLIMIT_FSIZE, to: world.rank == 0 ? 4096 : nil) {
    let reason = ["rank 0 on \(hostName()): ", " bytes of memory: File too large"]
    try expect(
      try weights(isAsked ? "shared" : "auto", noting: reason, on: world) == truth,
      "a rank that has no memory")
  }
}

/// Trains with an exchange that must be chosen with a note that says all of `reason`; gives the
/// weights' digest.
private func weights(
  _ exchange: String, reproducible: Bool = false, ranksPerNode: Int? = nil, noting reason: [String],
  on world: borrowing Communicator
) throws -> String {
  let experiment = try experiment(
    small, "training.exchange=\(exchange)", "training.reproducible=\(reproducible)",
    "training.micro_batch=2")
  let data = try TrainingData(experiment.data, seed: 1, on: world)
  let trainer = try Trainer(experiment, data: data, ranksPerNode: ranksPerNode, on: world)
  let note = trainer.notes.joined(separator: "; ")
  try expect(
    trainer.notes.count == (reason.isEmpty ? 0 : 1) && reason.allSatisfy(note.contains),
    "\(trainer.notes), not \(reason)")
  try world.expectEqual(note, "the note")
  while !trainer.isDone { _ = try trainer.step(on: world) }
  return trainer.weights.digest()
}

/// Runs a body under a lower limit of this process; nil leaves it as it is.
private func limited(_ resource: __rlimit_resource, to value: UInt?, _ body: () throws -> Void)
  throws
{
  var limit = rlimit()
  getrlimit(__rlimit_resource_t(resource.rawValue), &limit)
  let before = limit
  limit.rlim_cur = value ?? limit.rlim_cur
  setrlimit(__rlimit_resource_t(resource.rawValue), &limit)
  try body()
  limit = before
  setrlimit(__rlimit_resource_t(resource.rawValue), &limit)
}

/// Trainers that come and go give their memory back, on every rank by itself, and nothing is left
/// in /dev/shm.
let sharedMemoryProgram = RankProgram("shared-memory") { world, _ in
  let experiment = try experiment(small, "training.exchange=shared")
  let data = try TrainingData(experiment.data, seed: 1, on: world)
  let files = try filesInSharedMemory()
  for round in 0..<200 {
    let trainer = try Trainer(experiment, data: data, on: world)
    _ = try trainer.step(on: world)
    // The weights and the gradients.
    let mappings = try mappedMemoryFiles()
    try expect(mappings == 2, "\(mappings) mappings in round \(round)")
    withExtendedLifetime(trainer) {}
  }
  let mappings = try mappedMemoryFiles()
  try expect(mappings == 0, "\(mappings) mappings are left")
  try expect(try filesInSharedMemory() == files, "/dev/shm holds more files than before")
}

/// How many pieces of address space are memory of this kind.
private func mappedMemoryFiles() throws -> Int {
  // A file of /proc says that it is empty: only reading shows its length.
  guard let file = fopen("/proc/self/maps", "r") else {
    throw CheckFailure(description: "no /proc/self/maps")
  }
  defer { fclose(file) }
  var line = [CChar](repeating: 0, count: 4096)
  var count = 0
  while fgets(&line, Int32(line.count), file) != nil {
    if strstr(line, "/memfd:lockstep") != nil { count += 1 }
  }
  return count
}

private func filesInSharedMemory() throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: "/dev/shm").sorted()
}
