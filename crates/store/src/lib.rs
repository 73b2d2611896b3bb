//! The only SQL of the control plane, and the blob store.
