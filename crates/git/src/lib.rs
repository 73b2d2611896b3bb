//! The only git: clean stores, workspaces, bundles, landing.
