//! What setup made, kept per digest of the lock files.
