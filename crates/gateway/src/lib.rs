//! The way to model endpoints: keeps the key, takes a per-run token, meters usage. Knows nothing of runs.
