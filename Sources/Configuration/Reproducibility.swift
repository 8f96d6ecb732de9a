import ExperimentKeys

/// Where a run has the same bits at any number of ranks and threads.
public enum Reproducibility: Sendable, Equatable {
  /// Nowhere.
  case no
  /// On CPUs with the same instructions and second-level cache.
  case likeCPUs
  /// On every CPU with AVX2.
  case anyCPU
}

extension KeyForm<Reproducibility> {
  /// `false`, `true` or `"any-cpu"`.
  static var reproducibility: Self {
    Self(.mixed, wanted: "true, false or \"any-cpu\"") {
      switch $0 {
      case .boolean(let isSame): isSame ? .likeCPUs : .no
      case .string("any-cpu"): .anyCPU
      default: nil
      }
    } write: {
      switch $0 {
      case .no: "false"
      case .likeCPUs: "true"
      case .anyCPU: "\"any-cpu\""
      }
    }
  }
}
