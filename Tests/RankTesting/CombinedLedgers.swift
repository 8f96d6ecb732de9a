import GradientNorms

/// The ledger that a reduction over these ranks' ledgers gives.
public func combined(_ ledgers: [NormLedger]) -> NormLedger {
  var record = ledgers[0].record
  for other in ledgers.dropFirst() {
    other.record.withUnsafeBufferPointer { source in
      record.withUnsafeMutableBufferPointer {
        NormLedger.combine(source.baseAddress!, into: $0.baseAddress!, length: $0.count)
      }
    }
  }
  return ledgers[0].with(record: record)
}
