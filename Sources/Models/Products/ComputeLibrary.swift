import COneDNN

/// oneDNN's version, as `environment.json` records it.
public func computeLibraryVersion() -> String {
  guard let version = dnnl_version() else { return "unknown" }
  return "\(version.pointee.major).\(version.pointee.minor).\(version.pointee.patch)"
}

/// The most that oneDNN may use of the CPU, by the names that `ONEDNN_MAX_CPU_ISA` takes, in small
/// letters.
public func computeLibraryInstructions() -> String {
  let names: [(dnnl_cpu_isa_t, String)] = [
    (dnnl_cpu_isa_sse41, "sse41"), (dnnl_cpu_isa_avx, "avx"), (dnnl_cpu_isa_avx2, "avx2"),
    (dnnl_cpu_isa_avx2_vnni, "avx2_vnni"),
    (dnnl_cpu_isa_avx512_core, "avx512_core"), (dnnl_cpu_isa_avx512_core_vnni, "avx512_core_vnni"),
    (dnnl_cpu_isa_avx512_core_bf16, "avx512_core_bf16"),
    (dnnl_cpu_isa_avx512_core_amx, "avx512_core_amx"),
  ]
  let effective = dnnl_get_effective_cpu_isa()
  return names.first { $0.0 == effective }?.1 ?? "0x\(String(effective.rawValue, radix: 16))"
}

/// What computes in this process, for people: `oneDNN 2.6.3, avx2, and OpenBLAS 0.3.21, Zen`.
public func computeLibraries() -> String {
  let oneDNN = "oneDNN \(computeLibraryVersion()), \(computeLibraryInstructions())"
  return ComputeSettings.current.openBLAS.map {
    "\(oneDNN), and OpenBLAS \($0.version), \($0.core)"
  } ?? oneDNN
}
