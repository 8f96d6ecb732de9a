// swift-tools-version: 6.2
import PackageDescription

// Every target is Swift 6. `Lifetimes` gives `@_lifetime`, which ties spans and MPI requests to the
// memory they borrow.
let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableExperimentalFeature("Lifetimes"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

// External packages, each with the one reason it is here. None reads TOML (ExperimentKeys does):
// fuzzing ended all that could be had.
// The coordinator's command line.
let argumentParser: Target.Dependency = .product(
  name: "ArgumentParser", package: "swift-argument-parser")
// The API of each rank's log file.
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

/// For what runs once a command and never on a rank's step: the optimiser would take most of the
/// time that a first build needs, and win nothing that a person could notice.
let quickToBuild = settings + [.unsafeFlags(["-Onone"], .when(configuration: .release))]

/// The MPI that is built against: Debian's Open MPI, or another, of which `Launch/mpi` has described
/// the compiler's wrapper in a file for pkg-config, and where its libraries lie if the linker does
/// not look there.
let isOtherMPI = (Context.environment["LOCKSTEP_MPI"] ?? "openmpi") != "openmpi"
let mpiLinking: [LinkerSetting] =
  (isOtherMPI ? Context.environment["LOCKSTEP_MPI_LIBRARIES"] : nil).map {
    [.unsafeFlags(["-Xlinker", "-rpath", "-Xlinker", $0])]
  } ?? []

func library(
  _ name: String, _ dependencies: [Target.Dependency] = [], _ settings: [SwiftSetting] = settings,
  linking: [LinkerSetting] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies, swiftSettings: settings, linkerSettings: linking)
}

func program(
  _ name: String, _ dependencies: [Target.Dependency], path: String? = nil,
  _ settings: [SwiftSetting] = settings
) -> Target {
  .executableTarget(name: name, dependencies: dependencies, path: path, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = [])
  -> Target
{
  .testTarget(name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

func system(_ name: String, pkgConfig: String? = nil, debian: String) -> Target {
  .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([debian])])
}

let package = Package(
  name: "lockstep",
  products: [
    // What a program with a model, data or rules of its own imports.
    .library(name: "Lockstep", targets: ["Lockstep"]),
    // The MPI binding alone.
    .library(name: "MPI", targets: ["MPI"]),
    .executable(name: "lockstep", targets: ["lockstep"]),
    .executable(name: "lockstep-worker", targets: ["lockstep-worker"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", "1.8.2"..<"2.0.0"),
    .package(url: "https://github.com/apple/swift-log", "1.16.2"..<"2.0.0"),
  ],
  targets: [
    // System libraries and the one C target, for loops that must run at the CPU's vector width.
    system("CMPI", pkgConfig: isOtherMPI ? "lockstep-mpi" : "ompi-c", debian: "libopenmpi-dev"),
    system("COneDNN", debian: "libdnnl-dev"),
    system("CZlib", pkgConfig: "zlib", debian: "zlib1g-dev"),
    system("CProcess", debian: "libc6-dev"),
    system("CCrypto", pkgConfig: "libcrypto", debian: "libssl-dev"),
    .target(name: "CVectorKernels"),
    .target(name: "CMPIYield", dependencies: ["CMPI"]),
    // Code that runs before any other in the two programs.
    .target(name: "CEarlySignals"),
    .target(name: "CFlightRecorder"),

    // The rooms, in the order data flows.
    library("FlightRecorder", ["CFlightRecorder", "CProcess", "Processes"]),
    library("MPI", ["CMPI", "CMPIYield", "FlightRecorder", "Processes"], linking: mpiLinking),
    library("Vectors", ["CVectorKernels"]),
    library("GradientNorms", ["ExperimentKeys", "Vectors"]),
    library("Processes"),
    library("Threads"),
    library("Files", ["FlightRecorder", "Processes", "Threads"]),
    library("TensorFiles", ["Files", "FlightRecorder", "CCrypto"]),
    library("ExperimentKeys", ["Files"], quickToBuild),
    library(
      "Models", ["Vectors", "COneDNN", "CVectorKernels", "ExperimentKeys", "FlightRecorder"]),
    library("Optimizers", ["Vectors", "CVectorKernels", "ExperimentKeys"]),
    library(
      "Data",
      [
        "Vectors", "Files", "FlightRecorder", "Threads", "CZlib", "CVectorKernels",
        "ExperimentKeys",
      ]),
    library("Scaling", [], quickToBuild),
    library(
      "GradientReduction",
      ["MPI", "Vectors", "GradientNorms", "CVectorKernels", "CProcess", "Scaling"]),
    library("Charts", [], quickToBuild),
    library("Recording", ["Charts", "ExperimentKeys", "Files"]),
    library(
      "Reports", ["Recording", "Charts", "ExperimentKeys", "GradientNorms", "Files", "CZlib"],
      quickToBuild),
    library(
      "Launching", ["CProcess", "Processes", "Recording", "Reports", "Scaling"], quickToBuild),
    library(
      "StallWatch",
      ["FlightRecorder", "CFlightRecorder", "Processes", "Recording", "Reports", "CProcess"],
      quickToBuild),
    library("Verification", ["Recording", "Reports"], quickToBuild),
    library(
      "ScalingStudy", ["Scaling", "Recording", "Reports", "Charts"], quickToBuild),
    library(
      "Gallery", ["Recording", "Reports", "GradientNorms", "Scaling", "ScalingStudy"], quickToBuild),
    library(
      "Configuration",
      [
        "ExperimentKeys", "Vectors", "GradientNorms", "Models", "Optimizers", "Data", "Files",
        "TensorFiles", "Recording", "Reports",
      ], quickToBuild),
    library(
      "Training",
      [
        "Configuration",
        "FlightRecorder", "StallWatch", "MPI", "Vectors", "GradientNorms", "Models", "Optimizers",
        "Data", "Files", "TensorFiles", "Threads", "GradientReduction",
        "Recording", "Reports", "ExperimentKeys", "Scaling", "Processes", logging,
      ]),
    library(
      "Benchmark",
      [
        "Configuration", "Training", "MPI", "GradientReduction", "Vectors", "GradientNorms",
        "Models", "Data", "Files", "TensorFiles", "Recording", "Reports", "Launching",
        "Processes",
      ]),
    library("CommandOptions", ["ExperimentKeys", argumentParser], quickToBuild),
    library(
      "Lockstep",
      [
        "CEarlySignals", "CommandOptions", "Processes", "StallWatch", "Configuration",
        "ExperimentKeys", "Data", "GradientNorms", "GradientReduction", "Models", "Optimizers",
        "Training", "Benchmark", "Recording", "Reports", "MPI", "Scaling", "Vectors", "Files",
        "CProcess",
        argumentParser,
      ], quickToBuild),
    program(
      "lockstep",
      [
        "CEarlySignals", "CommandOptions", "ExperimentKeys", "Processes", "StallWatch", "Gallery",
        "Recording", "Reports", "Launching", "Verification", "GradientNorms", "Vectors", "Files",
        "TensorFiles",
        "Scaling",
        "ScalingStudy", argumentParser,
      ], quickToBuild),
    program("lockstep-worker", ["Lockstep"]),
    // What Launch/setup builds: both programs side by side, and nothing that only tests need.
    library("Programs", ["lockstep", "lockstep-worker"]),

    // Tests: one folder a library, and the small programs that tests start under mpirun.
    .target(
      name: "RankTesting", dependencies: ["GradientNorms"], path: "Tests/RankTesting",
      swiftSettings: settings),
    .target(
      name: "BuiltInModels", dependencies: ["Models", "Vectors"], path: "Tests/BuiltInModels",
      swiftSettings: settings),
    .target(
      name: "CRankPrograms", dependencies: ["CMPI", "CMPIYield"], path: "Tests/CRankPrograms"),
    program(
      "rank-programs",
      [
        "CFlightRecorder", "FlightRecorder", "Processes", "StallWatch", "MPI", "GradientReduction",
        "ExperimentKeys", "Configuration", "Training", "Recording", "Reports", "CRankPrograms",
        "Vectors",
        "GradientNorms", "BuiltInModels", "Models",
        "Optimizers", "Data", "TensorFiles", "Benchmark", "Scaling", "CVectorKernels",
      ], path: "Tests/RankPrograms"),
    .target(
      name: "FuzzTargets",
      dependencies: [
        "ExperimentKeys", "Files", "TensorFiles", "Data", "Vectors", "Launching", "Recording",
        "Reports",
        "Configuration", "Training", "GradientNorms",
      ],
      path: "Tests/FuzzTargets", swiftSettings: settings),
    tests("FuzzTests", ["FuzzTargets", "TensorFiles"], resources: [.copy("Corpus")]),
    tests("VectorsTests", ["Vectors", "RankTesting"]),
    tests("MPITests", ["RankTesting"]),
    tests(
      "StallWatchTests", ["StallWatch", "FlightRecorder", "Recording", "Reports", "RankTesting"]),
    tests(
      "TrainingTests",
      [
        "Configuration", "Training", "ExperimentKeys", "Data", "GradientNorms", "Models",
        "Optimizers", "TensorFiles", "RankTesting", "Verification", "Recording", "Reports",
        "Vectors",
      ],
      resources: [.copy("Golden")]),
    tests("GradientReductionTests", ["GradientReduction", "GradientNorms", "Vectors"]),
    tests(
      "ScalingTests", ["Scaling", "ScalingStudy", "Recording", "Reports", "RankTesting"],
      resources: [.copy("Golden")]),
    tests(
      "GalleryTests",
      ["Gallery", "Recording", "Reports", "Configuration", "GradientNorms", "ScalingStudy"]),
    tests("VerificationTests", ["Verification", "Recording", "Reports"]),
    tests("GradientNormsTests", ["GradientNorms", "RankTesting"]),
    tests(
      "VerdictTests",
      [
        "GradientNorms", "BuiltInModels", "Models", "Optimizers", "Data", "Vectors", "RankTesting",
      ]),
    tests("TensorFilesTests", ["TensorFiles", "Files", "RankTesting"]),
    tests("ExperimentKeysTests", ["ExperimentKeys"]),
    tests("ModelsTests", ["BuiltInModels", "Models", "Vectors", "ExperimentKeys"]),
    tests("ThreadsTests", ["Threads"]),
    tests("FilesTests", ["Files", "RankTesting"]),
    tests("ProcessesTests", ["Processes", "RankTesting"]),
    tests("OptimizersTests", ["Optimizers", "Vectors"]),
    tests(
      "DataTests", ["Data", "ExperimentKeys", "Files", "Vectors", "CZlib", "RankTesting"],
      resources: [.copy("Golden")]),
    tests("EndToEndTests", ["RankTesting", "Recording", "Reports", "Files", "TensorFiles"]),
    tests("ClusterTests", ["RankTesting", "Recording", "Reports", "GradientNorms"]),
    tests("ChartsTests", ["Charts"]),
    tests(
      "ReportsTests", ["Recording", "Reports", "Charts", "GradientNorms", "CZlib", "RankTesting"]),
    tests(
      "LaunchingTests",
      ["Launching", "Recording", "Reports", "RankTesting", "Processes", "Scaling"]),
  ],
  cLanguageStandard: .gnu11
)

// Launch/fuzz builds this one with libFuzzer.
if Context.environment["LOCKSTEP_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(
      name: "fuzz", dependencies: ["FuzzTargets"], path: "Tests/Fuzz", exclude: ["experiments"],
      swiftSettings: settings))
}
