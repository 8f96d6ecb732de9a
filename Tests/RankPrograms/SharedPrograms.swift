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
/// Sums of two Floats do not depend on their order; those of more do not where no addition rounds,
/// so gradients are first rounded to multiples of 2⁻¹⁴. Four ranks are taken as one node and as
/// two. A clip or a mixture by each worker makes numbers that are no such multiples.
let sharedBitsProgram = RankProgram("shared-bits") { world, _ in
  setComputeThreads(1)
  let alone = [["clip.rule=global", "clip.scope=worker", "clip.max_norm=0.2", "report.every=2"]]
  let climbing = [
    "regularization.sam_radius=0.05", "regularization.synchronized=false",
    "regularization.gradient_norm=0.01",
  ]
  var cases: [Case] = []
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
      let name =
        "\(overrides.joined(separator: " ")) on \(ranks) ranks, \(ranksPerNode ?? ranks) a node"
      cases.append(
        Case(name, ranks: ranks) { part in
          let keys = overrides + ["training.reproducible=false"]
          // Slices on one node, pieces of buckets between several: as the ranks divide the weights,
          // so the parts whose squares are rounded.
          let overlap = "training.overlap=\(ranksPerNode == nil ? "never" : "always")"
          let (messages, shared) = (
            try transcript(text, keys + ["training.exchange=messages", overlap], nil, on: part),
            try transcript(text, keys + ["training.exchange=shared"], ranksPerNode, on: part)
          )
          try shared.expectEqual(to: messages, "shared memory and messages", on: part)
        })
    }
  }
  try run(cases, on: world)
}

private func transcript(
  _ text: String, _ keys: [String], _ ranksPerNode: Int?, on world: borrowing Communicator
) throws -> Transcript {
  let trainer = try trainer(text, keys, ranksPerNode: ranksPerNode, on: world)
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

/// Wide enough that ranks have several tiles each.
private let wide = ["model.hidden=[300]", "training.steps=5", "clip.rule=global"]

/// Where a rank cannot make or open the memory, or nodes have unequally many ranks, all send
/// messages, and note why. With the argument `shared`, which asks for shared memory, the job ends
/// with one line.
let sharedFallbackProgram = RankProgram("shared-fallback") { world, arguments in
  let exchange = arguments.first == "shared" ? "shared" : "auto"
  // The weights by messages, which all others must have too.
  var (truth, ordered) = ("", "")
  func equals(
    _ name: String, reproducible: Bool = false, ranksPerNode: Int? = nil, noting reason: [String]
  ) -> Case {
    Case(name, ranks: 3) { part in
      let found = try weights(
        "auto", reproducible: reproducible, ranksPerNode: ranksPerNode, noting: reason, on: part)
      try expect(found == (reproducible ? ordered : truth), "other weights than by messages")
    }
  }
  let cases = [
    Case("by messages", ranks: 3) { truth = try weights("messages", noting: [], on: $0) },
    equals("a rank a node", ranksPerNode: 1, noting: []),
    equals(
      "unequal nodes", ranksPerNode: 2,
      noting: ["by messages", "the nodes have from 1 to 2 ranks"]),
    Case("reproducible, by messages", ranks: 3) {
      ordered = try weights("messages", reproducible: true, noting: [], on: $0)
    },
    equals("reproducible", reproducible: true, noting: []),
    equals("reproducible, a rank a node", reproducible: true, ranksPerNode: 1, noting: []),
    equals(
      "reproducible, on two nodes", reproducible: true, ranksPerNode: 2,
      noting: ["by messages", "the ranks are on several nodes"]),
    // The last rank may open no more files.
    Case("a rank that cannot open the memory", ranks: 3) { part in
      try limited(RLIMIT_NOFILE, to: part.rank == 2 ? 0 : nil) {
        let reason = [
          "by messages", "rank 2 on \(hostName()): /proc/",
          "the memory of the node's first rank, cannot be opened",
        ]
        try expect(try weights("auto", noting: reason, on: part) == truth, "other weights")
        try expect(
          try weights("auto", reproducible: true, noting: reason, on: part) == ordered,
          "other weights, reproducible")
      }
    },
    // The first rank may make no large file. The system would end a process that tries, unless it
    // ignores the signal.
    Case("a rank that has no memory", ranks: 3) { part in
      signal(SIGXFSZ, SIG_IGN)
      try limited(RLIMIT_FSIZE, to: part.rank == 0 ? 4096 : nil) {
        let reason = ["rank 0 on \(hostName()): ", " bytes of memory: File too large"]
        try expect(try weights(exchange, noting: reason, on: part) == truth, "other weights")
      }
    },
  ]
  try run(cases, on: world)
}

/// Trains with an exchange that must be chosen with a note that contains all of `reason`. Returns
/// the weights' digest.
private func weights(
  _ exchange: String, reproducible: Bool = false, ranksPerNode: Int? = nil, noting reason: [String],
  on world: borrowing Communicator
) throws -> String {
  let trainer = try trainer(
    small,
    wide + [
      "training.exchange=\(exchange)", "training.reproducible=\(reproducible)",
      "training.micro_batch=2",
    ], ranksPerNode: ranksPerNode, on: world)
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
  defer {
    limit = before
    setrlimit(__rlimit_resource_t(resource.rawValue), &limit)
  }
  try body()
}

/// Trainers free their memory when they end, on every rank, and leave nothing in /dev/shm.
let sharedMemoryProgram = RankProgram("shared-memory") { world, _ in
  let experiment = try experiment(small, wide + ["training.exchange=shared"])
  let data = try TrainingData(experiment.data, seed: 1, on: world)
  // Open MPI maps its own files as ranks first talk to one another.
  var others = 0
  for round in 0..<200 {
    let trainer = try Trainer(experiment, data: data, on: world)
    _ = try trainer.step(on: world)
    // The weights and the gradients.
    let own = try mappings(of: "/memfd:lockstep")
    try expect(own == 2, "\(own) mappings in round \(round)")
    withExtendedLifetime(trainer) {}
    if round == 0 { others = try mappings(of: "/dev/shm/") }
  }
  let own = try mappings(of: "/memfd:lockstep")
  try expect(own == 0, "\(own) mappings are left")
  try expect(
    try mappings(of: "/dev/shm/") == others, "more files of /dev/shm are mapped than before")
}

/// The number of this process's mappings of files of such names.
private func mappings(of files: String) throws -> Int {
  // A file of /proc reports the size 0: only reading shows its length.
  guard let file = fopen("/proc/self/maps", "r") else {
    throw CheckFailure(description: "no /proc/self/maps")
  }
  defer { fclose(file) }
  var line = [CChar](repeating: 0, count: 4096)
  var count = 0
  while fgets(&line, Int32(line.count), file) != nil {
    if strstr(line, files) != nil { count += 1 }
  }
  return count
}
