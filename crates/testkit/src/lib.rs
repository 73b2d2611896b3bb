//! For tests only: the whole app in process over a real PostgreSQL, a clock to turn, and a
//! runner's end of the link that says exactly what a test wants said.
//!
//! Everything here panics where a product would return an error: a test fails by panicking.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a fixture that cannot be made fails its test"
)]

pub mod app;
pub mod crowd;
pub mod database;
pub mod dice;
pub mod faults;
mod frames;
pub mod git_http;
mod helper;
pub mod hooks;
pub mod moto;
pub mod oidc;
pub mod peer;
pub mod plans;
pub mod populace;
pub mod procs;
pub mod proxy;
pub mod site;
pub mod smtp;
pub mod trips;
pub mod world;

pub use app::App;
pub use database::Database;
pub use git_http::GitHttp;
pub use moto::Moto;
pub use oidc::IdentityProvider;
pub use peer::Peer;
pub use smtp::MailServer;
pub use trips::Trips;
pub use world::{TestClock, TestEntropy};

use std::time::Duration;

/// How long a condition may take to come true before a test gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `check` gives something, looking again and again.
///
/// # Panics
/// After twenty seconds, naming what was waited for.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut check: impl FnMut() -> F,
) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "waited in vain for {what}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
