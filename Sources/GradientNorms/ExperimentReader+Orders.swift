import ExperimentKeys

extension ExperimentReader {
  /// A norm's order: 2 unless given; a number from 1 to 100, or "inf".
  package mutating func order(_ key: String) throws(ExperimentError) -> NormOrder {
    try value(key, wanted: "a norm's order, a number from 1 to 100 or \"inf\"") {
      normOrder($0)
    } write: {
      orderText($0)
    }
      ?? note(
        key, .two, "2")
  }

  package mutating func orders(_ key: String) throws(ExperimentError) -> [NormOrder] {
    func text(_ orders: [NormOrder]) -> String {
      "[" + orders.map(orderText).joined(separator: ", ") + "]"
    }
    return try value(key, wanted: "a list of norms' orders, numbers from 1 to 100 or \"inf\"") {
      guard case .array(let items) = $0 else { return nil }
      let orders = items.compactMap { normOrder($0.value) }
      return orders.count == items.count ? orders : nil
    } write: {
      text($0)
    } ?? note(key, [], "[]")
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
