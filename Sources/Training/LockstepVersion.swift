/// The version that `--version` and `environment.json` give.
public let lockstepVersion = "0.1.0"
