//! Starts a process isolated by tier, proves the tier, meters it. Knows nothing of runs.
