//! Values and decisions: ids, the state machines, scheduling. No clock, no randomness, no IO, no async.
