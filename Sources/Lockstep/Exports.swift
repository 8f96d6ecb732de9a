// What a program with kinds of its own needs comes with `import Lockstep`.
@_exported import Configuration
@_exported import Data
@_exported import ExperimentKeys
@_exported import Files
@_exported import GradientNorms
@_exported import GradientReduction
@_exported import MPI
@_exported import Models
@_exported import Optimizers
@_exported import Recording
@_exported import Reports
@_exported import Training
@_exported import Vectors
