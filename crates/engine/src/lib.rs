//! Use cases and reconcilers of the core.
