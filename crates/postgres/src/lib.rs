//! A supervised PostgreSQL on a unix socket.
