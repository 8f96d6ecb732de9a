import CMPI
import CMPIYield
import Glibc
import Processes

/// The MPI library's name and version, such as `Open MPI 4.1.4` (MPI_Get_library_version, MPI 3.1
/// §8.1.1). Sends nothing, and needs no start of MPI.
public func mpiLibraryVersion() -> String { mpiLibrary.description }

/// The file that the MPI library was loaded from, by what `/proc` says of this process; nil where it
/// is in the program itself. Sends nothing, and needs no start of MPI.
public func mpiLibraryFile() -> String? {
  let maps = SmallFiles.bytes("/proc/self/maps", limit: 1 << 20) ?? []
  return maps.split(separator: UInt8(ascii: "\n")).lazy.compactMap { line -> String? in
    // Addresses, rights, offset, device, inode; then the file.
    let words = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
    guard words.count == 6 else { return nil }
    return String(decoding: words[5].drop { $0 == UInt8(ascii: " ") }, as: UTF8.self)
  }.first { path in
    path.split(separator: "/").last?.hasPrefix("libmpi") == true
  }
}

let mpiLibrary: MPIName = {
  var buffer = [CChar](repeating: 0, count: Int(MPI_MAX_LIBRARY_VERSION_STRING))
  var length: Int32 = 0
  MPI_Get_library_version(&buffer, &length)
  return MPIName(
    String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
}()

/// Sets what keeps this library from its known faults, where the user has not. Before MPI starts.
func avoidKnownFaults() {
  // MPICH 4.0.2 with UCX, as Debian 12 has it: an MPI_Reduce in place to another rank than 0 reads
  // from MPI_IN_PLACE in the algorithm that it chooses for a node.
  if mpiLibrary.description.hasPrefix("MPICH 4.0") {
    setenv("MPIR_CVAR_REDUCE_DEVICE_COLLECTIVE", "0", 0)
  }
}

/// Has ranks that wait leave their core to others where some host has fewer cores than ranks and MPI
/// does not see to that: in MPICH and its descendants. Collective there, one all-reduce of 4 bytes.
func yieldWhereCrowded(_ place: LaunchPlace) {
  guard mpiLibrary.family == .mpich else { return }
  var isCrowded: Int32 = place.localSize > AllowedCores.limited(0) ? 1 : 0
  let code = MPI_Allreduce(
    cmpi_in_place(), &isCrowded, 1, cmpi_int32(), cmpi_max(), cmpi_comm_world())
  if code == MPI_SUCCESS, isCrowded != 0 { cmpi_yield_while_waiting() }
}

/// A launcher that cannot make one job of this program's processes, because it is another MPI's.
struct ForeignLauncher: Error, Equatable, CustomStringConvertible {
  let description: String

  /// Before MPI starts, by what the launcher says of itself; afterwards, by a world of one rank
  /// where it started several. Nil where they fit.
  init?(_ place: LaunchPlace, library: MPIName, worldSize: Int? = nil) {
    let launcher = place.launcher?.description ?? "its launcher"
    if let worldSize {
      guard place.isLaunched, place.size > 1, worldSize == 1 else { return nil }
    } else {
      guard let launcher = place.launcher, !launcher.starts(programsOf: library) else { return nil }
    }
    let alone =
      worldSize == nil ? "" : ", which started \(place.size) ranks that do not find each other"
    description =
      "this program is built with \(library) and was started by \(launcher)\(alone): start it with the mpirun of \(library), or build it with LOCKSTEP_MPI for the other"
  }

  /// Every process ends; rank 0 says why, for which the others leave it a second.
  func endProcess(rank: Int) -> Never {
    if rank == 0 {
      printFailure("rank 0 on \(hostName()): \(description)")
    } else {
      poll(nil, 0, 1000)
    }
    _exit(78)
  }
}
