// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "mpi-ring",
  dependencies: [
    // A checkout of Lockstep; by its URL in a package elsewhere.
    .package(name: "lockstep", path: "../../..")
  ],
  targets: [
    .executableTarget(
      name: "mpi-ring", dependencies: [.product(name: "MPI", package: "lockstep")],
      path: "Sources")
  ]
)
