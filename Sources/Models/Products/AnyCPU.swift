import COneDNN
import CVectorKernels
import Vectors

/// What has the same bits on every CPU with AVX2: every library and kernel is held to AVX2, the
/// products are chosen as for one such CPU, and no cache's size is looked at.
///
/// oneDNN 2.6.3 and OpenBLAS 0.3.21 divide the sums of AVX2's products and convolutions by constants
/// of their own as long as they compute on one thread each; that is read from their sources.
public enum AnyCPU {
  /// The row that products are chosen by.
  public static let cpu = CPUKind(.avx2, level2: 1024, .amd)

  /// Holds this process to AVX2. For the start of a process: the libraries stay as they are once
  /// they have computed.
  ///
  /// - Returns: why this process cannot be held to it; nil where it is.
  public static func hold() -> String? {
    let has = KernelInstructions.name
    guard cvk_limit("avx2") == 1 else {
      return
        "training.reproducible = \"any-cpu\" computes as on a CPU with AVX2; this process has only \(has)"
    }
    let status = dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2)
    guard status == dnnl_success || dnnl_get_effective_cpu_isa() == dnnl_cpu_isa_avx2 else {
      return
        "training.reproducible = \"any-cpu\": oneDNN cannot be held to AVX2 any more, since this process has computed before"
    }
    if let library = OpenBLAS.here(core: "Haswell"), library.core != "Haswell" {
      return
        "training.reproducible = \"any-cpu\": OpenBLAS computes as on \(library.core), not as on Haswell"
    }
    return nil
  }
}
