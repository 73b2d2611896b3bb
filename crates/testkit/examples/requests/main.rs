//! How requests fare, each figure with its floor in the same run; one line of JSON each.
//!
//! `cargo run --release -p freehold-testkit --example requests -- mix|crowd|rls|noisy [NAME N]…`
//!
//! - `mix` (`rate` 500, `seconds` 300): lists, shows, new cards, starts and events of runners, begun at this
//!   rate whatever the answers do; beside it a request that does nothing.
//! - `crowd` (`tenants` 10000, `members` 1000000, `asked` 300): lists and searches of a large organization and of
//!   small ones; `UPDATE_PLANS=1` writes `docs/plans.md`, else it is said whether it is another.
//! - `rls` (`seconds` 3, `rounds` 5): reads with row-level security and without.
//! - `noisy` (`limit` 20, `times` 50, `seconds` 8, `rounds` 5): one organization while another sends that many
//!   times its limit.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement prints, and ends where it cannot be made"
)]

mod crowd;
mod load;
mod mix;
mod noisy;
mod rls;

use std::collections::HashMap;
use std::time::Duration;

/// A measurement that does not end by then is none.
const LONGEST: Duration = Duration::from_secs(1800);

/// Numbers of the command line by their names.
struct Wish(HashMap<String, u32>);

impl Wish {
    fn number(&self, name: &str, or: u32) -> u32 {
        self.0.get(name).copied().unwrap_or(or)
    }

    fn seconds(&self, or: u32) -> Duration {
        Duration::from_secs(self.number("seconds", or).into())
    }
}

#[tokio::main]
async fn main() {
    let mut words = std::env::args().skip(1);
    let what = words.next().unwrap_or_default();
    let mut wish = Wish(HashMap::new());
    while let Some(name) = words.next() {
        let number = words.next().unwrap().parse().unwrap();
        wish.0.insert(name, number);
    }
    let directory = tempfile::Builder::new().prefix("fh-requests").tempdir();
    let directory = directory.unwrap();
    let place = directory.path();
    let measured = tokio::time::timeout(LONGEST, async {
        match what.as_str() {
            "mix" => mix::measure(&wish, place).await,
            "crowd" => crowd::measure(&wish, place).await,
            "rls" => rls::measure(&wish, place).await,
            "noisy" => noisy::measure(&wish, place).await,
            other => unreachable!("one of mix, crowd, rls and noisy, not {other:?}"),
        }
    });
    println!("{}", measured.await.unwrap());
}
