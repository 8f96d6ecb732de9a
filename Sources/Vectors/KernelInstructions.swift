import CVectorKernels

/// What the loops of `CVectorKernels` were compiled for, of which one version is chosen when the
/// program starts.
public enum KernelInstructions {
  /// `avx512`, `avx2`, `baseline`, or `portable` where the CPU is no x86-64: the best that this CPU
  /// has, or less where `LOCKSTEP_MAX_CPU` says so.
  public static var name: String { String(cString: cvk_instructions()) }

  /// Who made the CPU: `amd`, `intel` or `other`.
  public static var vendor: String { String(cString: cvk_vendor()) }

  /// What is wrong with the value of `LOCKSTEP_MAX_CPU`; nil where it is not set, or can be obeyed.
  public static var limitMistake: String? {
    cvk_limit_is_unknown() == 0
      ? nil
      : "LOCKSTEP_MAX_CPU: wanted avx512, avx2 or baseline; unset it for the best that the CPU has"
  }
}
