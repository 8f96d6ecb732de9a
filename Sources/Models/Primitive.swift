import COneDNN

/// An operation that oneDNN has compiled for fixed shapes and layouts, with its arguments; running
/// it allocates nothing.
final class Primitive {
  private let primitive: dnnl_primitive_t
  private let stream: dnnl_stream_t
  private let arguments: UnsafeMutableBufferPointer<dnnl_exec_arg_t>

  /// `arguments` are the names (`DNNL_ARG_…`) and layouts of what ``run(_:_:_:_:)`` takes, in its
  /// order.
  init(_ descriptor: PrimitiveDescriptor, _ arguments: [(name: Int32, layout: dnnl_memory_desc_t)])
  {
    var primitive: dnnl_primitive_t?
    check(dnnl_primitive_create(&primitive, descriptor.raw), "make an operation")
    self.primitive = primitive!
    var stream: dnnl_stream_t?
    check(
      dnnl_stream_create(&stream, ComputeEngine.engine, dnnl_stream_default_flags.rawValue),
      "make a stream")
    self.stream = stream!
    self.arguments = .allocate(capacity: arguments.count)
    for (index, argument) in arguments.enumerated() {
      var memory: dnnl_memory_t?
      var layout = argument.layout
      check(dnnl_memory_create(&memory, &layout, ComputeEngine.engine, nil), "describe memory")
      self.arguments.initializeElement(
        at: index, to: dnnl_exec_arg_t(arg: argument.name, memory: memory))
    }
  }

  deinit {
    for argument in arguments { dnnl_memory_destroy(argument.memory) }
    arguments.deallocate()
    dnnl_primitive_destroy(primitive)
    dnnl_stream_destroy(stream)
  }

  /// Runs the operation on memory of the declared layouts, and returns when it is done. No argument
  /// is written to but the operation's results.
  func run(
    _ first: UnsafePointer<Float>, _ second: UnsafePointer<Float>,
    _ third: UnsafePointer<Float>? = nil,
    _ fourth: UnsafePointer<Float>? = nil
  ) {
    bind(0, first)
    bind(1, second)
    if let third { bind(2, third) }
    if let fourth { bind(3, fourth) }
    check(
      dnnl_primitive_execute(primitive, stream, Int32(arguments.count), arguments.baseAddress),
      "run an operation")
    check(dnnl_stream_wait(stream), "finish an operation")
  }

  private func bind(_ index: Int, _ values: UnsafePointer<Float>) {
    check(
      dnnl_memory_set_data_handle(arguments[index].memory, UnsafeMutablePointer(mutating: values)),
      "take memory")
  }
}

/// What oneDNN has decided about an operation before it compiles it: the implementation, and the
/// layouts of its arguments.
final class PrimitiveDescriptor {
  fileprivate let raw: dnnl_primitive_desc_t

  /// `operation` is one of oneDNN's `dnnl_…_desc_t`; a backward one needs the forward one as a
  /// hint. `adding` adds to what its result held.
  init<Operation>(
    _ operation: Operation, after forward: PrimitiveDescriptor? = nil, adding: Bool = false
  ) {
    raw = Self.make(adding: adding, "find an implementation of an operation") {
      result, attributes in
      withUnsafePointer(to: operation) {
        dnnl_primitive_desc_create(
          &result, UnsafeRawPointer($0), attributes, ComputeEngine.engine, forward?.raw)
      }
    }
  }

  /// A copy from one layout to another; `adding` adds to what is there.
  init(from source: dnnl_memory_desc_t, to target: dnnl_memory_desc_t, adding: Bool) {
    var (source, target) = (source, target)
    raw = Self.make(adding: adding, "find a way to change a layout") { result, attributes in
      dnnl_reorder_primitive_desc_create(
        &result, &source, ComputeEngine.engine, &target, ComputeEngine.engine, attributes)
    }
  }

  private static func make(
    adding: Bool, _ what: String,
    by create: (_ result: inout dnnl_primitive_desc_t?, _ attributes: dnnl_primitive_attr_t?) ->
      dnnl_status_t
  ) -> dnnl_primitive_desc_t {
    var result: dnnl_primitive_desc_t?
    guard adding else {
      check(create(&result, nil), what)
      return result!
    }
    var attributes: dnnl_primitive_attr_t?
    var additions: dnnl_post_ops_t?
    check(dnnl_primitive_attr_create(&attributes), "make attributes")
    check(dnnl_post_ops_create(&additions), "make attributes")
    check(dnnl_post_ops_append_sum(additions, 1), "add to a result")
    check(dnnl_primitive_attr_set_post_ops(attributes, additions), "set attributes")
    check(create(&result, attributes), what)
    dnnl_post_ops_destroy(additions)
    dnnl_primitive_attr_destroy(attributes)
    return result!
  }

  deinit { dnnl_primitive_desc_destroy(raw) }

  /// The layout of an argument.
  func layout(_ argument: dnnl_query_t) -> dnnl_memory_desc_t {
    dnnl_primitive_desc_query_md(raw, argument, 0)!.pointee
  }
}

extension Primitive {
  /// A copy from one layout to another: ``run(_:_:_:_:)`` takes source and target.
  static func copy(
    from source: dnnl_memory_desc_t, to target: dnnl_memory_desc_t, adding: Bool = false
  ) -> Primitive {
    Primitive(
      PrimitiveDescriptor(from: source, to: target, adding: adding),
      [(DNNL_ARG_FROM, source), (DNNL_ARG_TO, target)])
  }
}

extension dnnl_memory_desc_t {
  /// A matrix of Float32 whose element (i, j) is the one at i·strides.0 + j·strides.1.
  init(rows: Int, columns: Int, strides: (Int, Int)) {
    self.init()
    check(
      dnnl_memory_desc_init_by_strides(
        &self, 2, [Int64(rows), Int64(columns)], dnnl_f32, [Int64(strides.0), Int64(strides.1)]),
      "lay out a matrix of \(rows)×\(columns)")
  }

  /// A tensor of Float32 in one of oneDNN's named layouts.
  init(_ shape: [Int], _ tag: dnnl_format_tag_t) {
    self.init()
    check(
      dnnl_memory_desc_init_by_tag(&self, Int32(shape.count), shape.map(Int64.init), dnnl_f32, tag),
      "lay out a tensor of shape \(shape)")
  }

  /// Float32 values that it takes, padding included.
  var floatCount: Int {
    var copy = self
    return (dnnl_memory_desc_get_size(&copy) + 3) / 4
  }
}

/// The CPU, as oneDNN sees it.
enum ComputeEngine {
  // Made once and never changed; oneDNN's engines may be shared by threads.
  nonisolated(unsafe) static let engine: dnnl_engine_t = {
    var engine: dnnl_engine_t?
    check(dnnl_engine_create(&engine, dnnl_cpu, 0), "use this CPU")
    return engine!
  }()
}

func check(_ status: dnnl_status_t, _ what: @autoclosure () -> String) {
  guard status == dnnl_success else {
    fatalError("oneDNN could not \(what()): status \(status.rawValue)")
  }
}
