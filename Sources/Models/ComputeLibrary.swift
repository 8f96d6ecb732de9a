import COneDNN

/// oneDNN's version, as `environment.json` records it.
public func computeLibraryVersion() -> String {
  guard let version = dnnl_version() else { return "unknown" }
  return "\(version.pointee.major).\(version.pointee.minor).\(version.pointee.patch)"
}
