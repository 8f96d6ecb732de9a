import COneDNN
import CVectorKernels

/// The shape of what a convolution makes of one sample, and how it lies in memory: channels in
/// blocks as wide as a vector register, so that one load takes one pixel's values of a block
/// (oneDNN's `nChw16c`, or `nChw8c` without AVX-512). Channels past the last count as zeros.
struct FeatureMaps: Equatable {
  let channels: Int
  let height: Int
  let width: Int

  /// Channels in a block, by the instructions oneDNN compiles for.
  static let block =
    dnnl_get_effective_cpu_isa().rawValue & dnnl_cpu_isa_avx512_core.rawValue
      == dnnl_cpu_isa_avx512_core.rawValue ? 16 : 8
  static var tag: dnnl_format_tag_t { block == 16 ? dnnl_nChw16c : dnnl_nChw8c }

  var blocks: Int { (channels + Self.block - 1) / Self.block }
  /// Values in memory, the last block's padding included.
  var storage: Int { blocks * Self.block * height * width }
  /// Values without padding.
  var count: Int { channels * height * width }
  /// What pooling by 2×2 leaves; an odd last row or column is dropped, as PyTorch's `max_pool2d`
  /// drops it.
  var pooled: FeatureMaps { FeatureMaps(channels: channels, height: height / 2, width: width / 2) }

  /// Writes samples as rows of channel, row, column, the order of PyTorch's `flatten`.
  func flatten(_ maps: UnsafePointer<Float>, samples: Int, into rows: UnsafeMutablePointer<Float>) {
    cvk_unblock(rows, maps, samples, channels, height * width, Self.block)
  }

  /// The way back: rows of channel, row, column into blocks, the padding zero.
  func unflatten(_ rows: UnsafePointer<Float>, samples: Int, into maps: UnsafeMutablePointer<Float>)
  {
    cvk_block(maps, rows, samples, channels, height * width, Self.block)
  }
}
