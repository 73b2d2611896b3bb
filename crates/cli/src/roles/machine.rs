//! What this machine has.
