//! For tests only: the whole app in process, real PostgreSQL, git remotes, sealed homes.
