// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "own-worker",
  dependencies: [
    // A checkout of Lockstep; by its URL in a package elsewhere.
    .package(name: "lockstep", path: "../../..")
  ],
  targets: [
    .executableTarget(
      name: "own-worker", dependencies: [.product(name: "Lockstep", package: "lockstep")])
  ]
)
