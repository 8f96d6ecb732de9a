// Holds nothing: to build this target is to build the two programs that it depends on.
