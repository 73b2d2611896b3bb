//! What a workspace needs around it: host toolchains, package registries, the egress proxy, the project file, setup caches.
