//! The runner: link, orders, execution, landing.
