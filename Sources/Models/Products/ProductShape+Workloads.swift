extension ProductShape {
  /// The products of `lockstep bench`'s workloads, for which the table of products is measured.
  public static let ofWorkloads: [ProductShape] = {
    var shapes: [ProductShape] = []
    func add(_ shape: ProductShape) { if !shapes.contains(shape) { shapes.append(shape) } }
    /// A layer's products, of whose inputs a first layer needs no gradient.
    func layer(_ rows: Int, _ inputs: Int, _ outputs: Int, isFirst: Bool = false) {
      add(ProductShape(.byTransposed, rows: rows, columns: outputs, inner: inputs))
      add(ProductShape(.ofTransposed, rows: outputs, columns: inputs, inner: rows))
      if !isFirst { add(ProductShape(.plain, rows: rows, columns: inputs, inner: outputs)) }
    }
    // mlp-small, mlp, cnn.
    layer(64, 784, 128, isFirst: true)
    layer(64, 128, 10)
    layer(64, 784, 1024, isFirst: true)
    layer(64, 1024, 1024)
    layer(64, 1024, 10)
    layer(64, 3136, 128)
    // lstm: the table of tokens, the state's product at each step with its gradients, the head.
    layer(96, 64, 1024)
    add(ProductShape(.repeated, rows: 32, columns: 1024, inner: 256))
    add(ProductShape(.ofTransposed, rows: 1024, columns: 256, inner: 128))
    add(ProductShape(.plain, rows: 32, columns: 256, inner: 1024))
    layer(2048, 256, 96)
    // gpt-cpu, gpt-baby: queries, keys and values; their projection; the two layers; the head.
    for (rows, width) in [(768, 128), (1024, 384)] {
      for outputs in [3 * width, width, 4 * width, 96] { layer(rows, width, outputs) }
      layer(rows, 4 * width, width)
    }
    return shapes
  }()
}
