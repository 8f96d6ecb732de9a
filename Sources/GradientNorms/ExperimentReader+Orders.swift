import ExperimentKeys

extension ExperimentReader {
  /// A norm's order: 2 unless given; a number from 1 to 100, or "inf".
  package mutating func order(_ key: String, _ help: String) throws(ExperimentError) -> NormOrder {
    try value(key, default: .two, as: .order, help)
  }

  /// Orders of norms; none unless given.
  package mutating func orders(_ key: String, _ help: String) throws(ExperimentError)
    -> [NormOrder]
  {
    try value(
      key, default: [],
      as: .list(
        of: .order, wanted: "a list of norms' orders, numbers from 1 to 100 or \"inf\""), help)
  }
}

extension KeyForm<NormOrder> {
  fileprivate static var order: Self {
    Self(.mixed, wanted: "a norm's order, a number from 1 to 100 or \"inf\"") {
      normOrder($0)
    } write: {
      orderText($0)
    }
  }
}

private func normOrder(_ value: TOMLTree.Value) -> NormOrder? {
  switch value {
  case .integer(let p) where (1...100).contains(p): .power(Double(p))
  case .number(let p) where p == .infinity: .infinity
  case .number(let p) where (1...100).contains(p): .power(p)
  case .string("inf"): .infinity
  default: nil
  }
}

private func orderText(_ order: NormOrder) -> String { order == .infinity ? "\"inf\"" : order.name }
