//! Agent drivers (command, acp, builtin) and presets. Knows nothing of runs.
