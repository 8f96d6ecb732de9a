import CMPI

/// A failed MPI call: which one, MPI's error code, and MPI's own text for it (MPI_Error_string, MPI
/// 3.1 §8.4).
public struct MPIError: Error, Equatable, CustomStringConvertible {
  /// The MPI function's name, or the binding's when the arguments never reached MPI.
  public let call: String
  /// MPI's error class, such as `MPI_ERR_RANK` (MPI 3.1 §8.4): a library's own codes differ in
  /// their `text`. `MPI_ERR_COUNT`, `MPI_ERR_ARG` for arguments the binding itself refused.
  public let code: Int32
  /// What happened, in MPI's words or the binding's.
  public let text: String

  /// Whether a message was longer than the buffer that was to receive it (`MPI_ERR_TRUNCATE`, MPI
  /// 3.1 §3.2.4). The message is gone; the communicator can be used on.
  public var isTruncation: Bool { code == MPI_ERR_TRUNCATE }

  /// `call: text`.
  public var description: String { "\(call): \(text)" }

  @usableFromInline
  init(call: String, code: Int32, text: String) {
    self.call = call
    self.code = code
    self.text = text
  }

  @usableFromInline
  init(call: String, code: Int32) {
    var buffer = [CChar](repeating: 0, count: Int(MPI_MAX_ERROR_STRING) + 1)
    var length: Int32 = 0
    MPI_Error_string(code, &buffer, &length)
    var kind = code
    MPI_Error_class(code, &kind)
    self.init(
      call: call, code: kind,
      text: String(decoding: buffer[..<Int(length)].map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }
}

/// Turns a return code into an error: the one place where MPI's codes are read.
@inlinable @inline(__always)
func check(_ code: Int32, _ call: StaticString) throws(MPIError) {
  if code != MPI_SUCCESS { throw MPIError(call: call.description, code: code) }
}

/// A count as MPI takes it. MPI 3's counts are 32-bit; a larger one is refused, never truncated.
@inlinable @inline(__always)
func mpiCount(_ count: Int, _ call: StaticString) throws(MPIError) -> Int32 {
  guard let exact = Int32(exactly: count), exact >= 0 else {
    throw MPIError(
      call: call.description, code: MPI_ERR_COUNT,
      text: "\(count) elements in one call; MPI counts from 0 to \(Int32.max)")
  }
  return exact
}

/// Refuses arguments that MPI would read out of bounds.
@inlinable @inline(__always)
func require(_ condition: Bool, _ call: StaticString, _ text: @autoclosure () -> String)
  throws(MPIError)
{
  if !condition { throw MPIError(call: call.description, code: MPI_ERR_ARG, text: text()) }
}

/// A handle that MPI has just made: in Open MPI a pointer, which Swift takes for one that may be
/// missing.
func present<Handle>(_ handle: Handle?) -> Handle { handle! }
