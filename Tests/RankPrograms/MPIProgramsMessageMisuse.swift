import MPI

// Messages that the binding must refuse: wrong ranks, wrong tags, more elements than MPI counts.

func checkWrongTags(on world: borrowing Communicator) throws {
  for tag in [-1, 1 << 31] {
    try checkMessageRefusals(
      to: 0, tag: tag, "tag \(tag) is not within 0…2147483647", on: world)
  }
}

/// Every call that moves or looks for a message refuses this rank or this tag.
func checkMessageRefusals(
  to rank: Int, tag: Int, _ text: String, on world: borrowing Communicator
) throws {
  var values: [Float] = [1, 2]
  let given = values
  try expectError("send: " + text) { () throws(MPIError) in
    try world.send(given.span, to: rank, tag: tag)
  }
  try expectError("send: " + text) { () throws(MPIError) in
    try world.send(1.0, to: rank, tag: tag)
  }
  try expectError("startSend: " + text) { () throws(MPIError) in
    try world.startSend(given.span, to: rank, tag: tag).wait()
  }
  try expectError("receive: " + text) { () throws(MPIError) in
    var span = values.mutableSpan
    try world.receive(&span, from: rank, tag: tag)
  }
  try expectError("receive: " + text) { () throws(MPIError) in
    var value = 1.0
    try world.receive(&value, from: rank, tag: tag)
  }
  try expectError("startReceive: " + text) { () throws(MPIError) in
    var span = values.mutableSpan
    try world.startReceive(&span, from: rank, tag: tag).wait()
  }
  try expectError("receiveArray: " + text) { () throws(MPIError) in
    _ = try world.receiveArray(of: Float.self, from: rank, tag: tag)
  }
  try expectError("sendReceive: " + text) { () throws(MPIError) in
    var span = values.mutableSpan
    try world.sendReceive(given.span, to: rank, tag: tag, into: &span, from: .any, tag: .any)
  }
  try expectError("sendReceive: " + text) { () throws(MPIError) in
    var span = values.mutableSpan
    try world.sendReceive(given.span, to: 0, tag: 0, into: &span, from: rank, tag: tag)
  }
  try expectError("probe: " + text) { () throws(MPIError) in
    _ = try world.probe(for: Float.self, from: rank, tag: tag)
  }
  try expectError("probeNow: " + text) { () throws(MPIError) in
    _ = try world.probeNow(for: Float.self, from: rank, tag: tag)
  }
}

func checkLongMessages(
  _ tooMany: Int, _ text: String, on world: borrowing Communicator
) throws {
  var memory = UntouchedMemory(byteCount: tooMany)
  let other = UntouchedMemory(byteCount: tooMany)
  try expectError("send: " + text) { () throws(MPIError) in
    try world.send(memory.bytes(tooMany), to: 0, tag: 0)
  }
  try expectError("startSend: " + text) { () throws(MPIError) in
    try world.startSend(memory.bytes(tooMany), to: 0, tag: 0).wait()
  }
  try expectError("receive: " + text) { () throws(MPIError) in
    var span = memory.mutableBytes(tooMany)
    try world.receive(&span, from: 0, tag: 0)
  }
  try expectError("startReceive: " + text) { () throws(MPIError) in
    var span = memory.mutableBytes(tooMany)
    try world.startReceive(&span, from: 0, tag: 0).wait()
  }
  try expectError("sendReceive: " + text) { () throws(MPIError) in
    var span = memory.mutableBytes(1)
    try world.sendReceive(other.bytes(tooMany), to: 0, tag: 0, into: &span, from: 0, tag: 0)
  }
  try expectError("sendReceive: " + text) { () throws(MPIError) in
    var span = memory.mutableBytes(tooMany)
    try world.sendReceive(other.bytes(1), to: 0, tag: 0, into: &span, from: 0, tag: 0)
  }
  try expectError("allToAll: " + text) { () throws(MPIError) in
    var span = memory.mutableBytes(tooMany)
    try world.allToAll(other.bytes(tooMany), into: &span)
  }
  try expectError("scatter: " + text) { () throws(MPIError) in
    var span = memory.mutableBytes(tooMany)
    try world.scatter(Span(), counts: [], into: &span)
  }
}
