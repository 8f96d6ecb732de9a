import COneDNN
import Glibc
import Vectors

/// What the choice of the fastest product depends on besides its shape: the instructions that a
/// process uses, the second-level cache of a core, and whose CPU it is.
public struct CPUKind: Hashable, Sendable, CustomStringConvertible {
  /// From the least to the most.
  public enum Instructions: String, CaseIterable, Sendable { case baseline, avx2, avx512 }

  /// Who made it: the same instructions take other times.
  public enum Vendor: String, CaseIterable, Sendable { case amd, intel, other }

  public let instructions: Instructions
  /// KiB of a core's second-level cache.
  public let level2: Int
  public let vendor: Vendor

  public init(_ instructions: Instructions, level2: Int, _ vendor: Vendor) {
    (self.instructions, self.level2, self.vendor) = (instructions, level2, vendor)
  }

  /// `avx2-512-amd`.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "-")
    guard parts.count == 3, let instructions = Instructions(rawValue: String(parts[0])),
      let level2 = Int(parts[1]), level2 > 0, let vendor = Vendor(rawValue: String(parts[2]))
    else { return nil }
    self.init(instructions, level2: level2, vendor)
  }

  public var description: String { "\(instructions.rawValue)-\(level2)-\(vendor.rawValue)" }

  /// This machine's, within what `LOCKSTEP_MAX_CPU` and `ONEDNN_MAX_CPU_ISA` allow. Where Linux does
  /// not say how large the cache is, 512 KiB.
  public static var here: CPUKind {
    let ours = Instructions(rawValue: KernelInstructions.name) ?? .baseline
    let oneDNN = dnnl_get_effective_cpu_isa().rawValue
    let theirs: Instructions =
      oneDNN & dnnl_cpu_isa_avx512_core.rawValue == dnnl_cpu_isa_avx512_core.rawValue
      ? .avx512
      : oneDNN & dnnl_cpu_isa_avx2.rawValue == dnnl_cpu_isa_avx2.rawValue
        ? .avx2
        : .baseline
    let all = Instructions.allCases
    return CPUKind(
      all[min(all.firstIndex(of: ours)!, all.firstIndex(of: theirs)!)], level2: level2Size ?? 512,
      Vendor(rawValue: KernelInstructions.vendor) ?? .other)
  }

  private static var level2Size: Int? {
    let bytes = sysconf(Int32(_SC_LEVEL2_CACHE_SIZE))
    return bytes > 0 ? bytes / 1024 : nil
  }

  /// Other instructions are farther away than another vendor, and that than any other cache.
  func distance(to other: CPUKind) -> Double {
    let all = Instructions.allCases
    let steps = abs(all.firstIndex(of: instructions)! - all.firstIndex(of: other.instructions)!)
    return Double(steps) * 1000 + (vendor == other.vendor ? 0 : 100)
      + abs(log2(Double(level2) / Double(other.level2)))
  }
}
