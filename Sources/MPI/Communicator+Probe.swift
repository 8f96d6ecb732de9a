import CMPI

// Looking at a message before it is received (MPI 3.1, section 3.8).
extension Communicator {
  /// Waits until a message is there and says what it is, without receiving it (MPI_Probe, MPI 3.1
  /// §3.8.1).
  ///
  /// ```swift
  /// let status = try world.probe(for: Float.self, from: .any, tag: 7)
  /// var values = [Float](repeating: 0, count: status.count)
  /// var span = values.mutableSpan; try world.receive(&span, from: status.source, tag: 7)
  /// ```
  ///
  /// `count` is in elements of `type`. Sends nothing; called by the receiver alone. To receive what
  /// was found, name its source and tag; ``receiveArray(of:from:tag:)`` does both in one call.
  /// Throws ``MPIError`` for a message that is no whole number of elements, a rank outside the
  /// communicator, and a negative tag.
  @inlinable
  public borrowing func probe<Element: Datatype>(
    for type: Element.Type, from source: some MessageSource, tag: some MessageTag
  ) throws(MPIError) -> MessageStatus {
    let (sender, label) = (try mpiSource(source, "probe"), try mpiTag(tag, "probe"))
    var status = MPI_Status()
    try checkMessage(MPI_Probe(sender, label, handle, &status), "MPI_Probe")
    return try MessageStatus(status, of: Element.mpiDatatype, "probe")
  }

  /// Says what message is there to be received, or nil where there is none yet; never waits
  /// (MPI_Iprobe, MPI 3.1 §3.8.1).
  ///
  /// Otherwise like ``probe(for:from:tag:)``. Also lets MPI make progress.
  @inlinable
  public borrowing func probeNow<Element: Datatype>(
    for type: Element.Type, from source: some MessageSource, tag: some MessageTag
  ) throws(MPIError) -> MessageStatus? {
    let (sender, label) = (try mpiSource(source, "probeNow"), try mpiTag(tag, "probeNow"))
    var isThere: Int32 = 0
    var status = MPI_Status()
    try check(MPI_Iprobe(sender, label, handle, &isThere, &status), "MPI_Iprobe")
    return isThere == 0 ? nil : try MessageStatus(status, of: Element.mpiDatatype, "probeNow")
  }
}
