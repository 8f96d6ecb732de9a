import CMPI
import FlightRecorder

// Receives that a message too long for its buffer cannot make write past it.
//
// Open MPI 4.1 reports MPI_ERR_TRUNCATE, but may have written the whole message by then: a long one
// is copied straight into a contiguous buffer at the sender's length (ob1's RGET protocol, between
// processes of a node from 4 KB on). So no receive here leaves the check to MPI.

/// A message that was taken from those that wait, and what it is (MPI_Mprobe, MPI 3.1 §3.8.2).
///
/// A receive knows its length this way before anything is written.
@usableFromInline
struct MatchedMessage {
  @usableFromInline var message: cmpi_message_slot
  @usableFromInline let status: MessageStatus

  /// Waits for it. One that is no whole number of elements is thrown away, and an error thrown.
  @usableFromInline
  init(
    _ source: Int32, _ tag: Int32, _ comm: MPI_Comm, of datatype: MPI_Datatype, _ call: StaticString
  ) throws(MPIError) {
    var message = cmpi_message_slot()
    var status = MPI_Status()
    try checkMessage(MPI_Mprobe(source, tag, comm, &message.handle, &status), "MPI_Mprobe")
    do throws(MPIError) {
      self.status = try MessageStatus(status, of: datatype, call)
    } catch {
      discardMessage(&message, bytes: messageBytes(status))
      throw error
    }
    self.message = message
  }

  /// Receives it into `target` (MPI_Mrecv, MPI 3.1 §3.8.3). One that does not fit is thrown away,
  /// and an error thrown.
  @inlinable
  mutating func receive<Element: Datatype>(
    into target: UnsafeMutableBufferPointer<Element>, _ call: StaticString
  ) throws(MPIError) {
    guard status.count <= target.count else {
      discardMessage(&message, bytes: status.count * MemoryLayout<Element>.stride)
      throw .truncation(
        call.description, status, "\(status.count) elements", room: "\(target.count)")
    }
    try checkMessage(
      MPI_Mrecv(
        target.baseAddress, Int32(status.count), Element.mpiDatatype,
        &message.handle, cmpi_status_ignore()), "MPI_Mrecv")
  }
}

extension MPIError {
  @usableFromInline
  static func truncation(
    _ call: String, _ status: MessageStatus, _ length: String, room: String
  ) -> MPIError {
    MPIError(
      call: call, code: MPI_ERR_TRUNCATE,
      text: "a message of \(length) of rank \(status.source) with tag \(status.tag) for a buffer of"
        + " \(room)")
  }
}

/// How many bytes a message has.
func messageBytes(_ status: MPI_Status) -> Int {
  var status = status
  var bytes: MPI_Count = 0
  MPI_Get_elements_x(&status, cmpi_byte(), &bytes)
  return max(0, Int(bytes))
}

/// Receives a matched message into memory that is given back at once: its sender may wait for that.
@usableFromInline
func discardMessage(_ message: inout cmpi_message_slot, bytes: Int) {
  // More bytes than a count can say come in longer elements.
  let unit = bytes > Int(Int32.max) ? cmpi_int64() : cmpi_byte()
  let count = bytes > Int(Int32.max) ? (bytes + 7) / 8 : bytes
  let memory = UnsafeMutableRawPointer.allocate(byteCount: max(1, bytes + 8), alignment: 16)
  MPI_Mrecv(memory, Int32(clamping: count), unit, &message.handle, cmpi_status_ignore())
  memory.deallocate()
}

/// Three bytes that are written and never read.
nonisolated(unsafe) private let spill = UnsafeMutableRawPointer.allocate(
  byteCount: 3, alignment: 1)

/// A datatype of which one, received at `buffer`, is `count` elements at `base` and room for two
/// bytes elsewhere. The caller frees it (MPI_Type_create_struct, MPI 3.1 §4.1.2).
///
/// Those bytes do not lie next to each other: a type with gaps is received piece by piece within its
/// bounds. They also show a message that is longer where MPI reports none: from the rank itself.
@usableFromInline
func boundedDatatype(
  _ base: UnsafeMutableRawPointer?, _ count: Int32, of datatype: MPI_Datatype
) throws(MPIError) -> (datatype: cmpi_datatype_slot, buffer: UnsafeMutableRawPointer) {
  let buffer = base ?? spill
  let lengths: [Int32] = [count, 1, 1]
  let places: [MPI_Aint] = [0, spill - buffer, spill + 2 - buffer]
  var types = [cmpi_byte(), cmpi_byte(), cmpi_byte()]
  types[0] = datatype
  var made = cmpi_datatype_slot()
  try check(
    MPI_Type_create_struct(3, lengths, places, types, &made.handle), "MPI_Type_create_struct")
  try check(MPI_Type_commit(&made.handle), "MPI_Type_commit")
  return (made, buffer)
}
