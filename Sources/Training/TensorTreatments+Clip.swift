import GradientNorms
import Optimizers

extension TensorTreatments {
  /// Which tensors are clipped together; nil for all.
  var clipGroups: ClipGroups? {
    own.isEmpty && frozen.isEmpty
      ? nil
      : ClipGroups(
        tensorCount: count,
        own: own.map { ClipGroups.Own(name: $0.name, tensors: $0.tensors) }, frozen: frozen)
  }
}
