/// What a random stream of this library is for: the second integer of its key, so that no two uses
/// share a stream.
enum RandomPurpose {
  /// ASCII "order".
  static let sampleOrder: UInt64 = 0x6F_7264_6572
  /// ASCII "centre".
  static let blobCentres: UInt64 = 0x6365_6E74_7265
  /// ASCII "sample".
  static let blobSamples: UInt64 = 0x7361_6D70_6C65
  /// ASCII "hold".
  static let heldOut: UInt64 = 0x686F_6C64
  /// ASCII "eval".
  static let evaluation: UInt64 = 0x6576_616C
  /// ASCII "order?".
  static let temporalOrder: UInt64 = 0x6F72_6465_723F
  /// ASCII "text".
  static let randomText: UInt64 = 0x7465_7874
  /// ASCII "augment".
  static let augmentation: UInt64 = 0x61_7567_6D65_6E74
}
