//! `scripts/bench_runners`' other half: many idle runners of one tenant, in a process of their own.
//!
//! Arguments: the server's `address:port`, the database's address as the server's role, how many. It says
//! on standard output, a JSON object a line, how many are connected, claims, ends and doubles, four times
//! a second, until it is killed.
#![expect(clippy::unwrap_used, reason = "a measurement fails by panicking")]
#![expect(clippy::print_stdout, reason = "that is how it is read")]

use std::time::Duration;

use freehold_store::Store;
use freehold_testkit::crowd;

const SAY_EVERY: Duration = Duration::from_millis(250);

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1);
    let (address, database) = (args.next().unwrap(), args.next().unwrap());
    let count: usize = args.next().unwrap().parse().unwrap();
    let store = Store::connect(&database, 1).await.unwrap();
    let tenant = *store.tenants().await.unwrap().first().unwrap();
    let members = crowd::enrol(&store, tenant, count).await;
    store.close().await;
    let tally = crowd::begin(members, &address);
    loop {
        println!(
            r#"{{"connected":{},"claims":{},"finished":{},"doubled":{}}}"#,
            tally.connected(),
            tally.claims(),
            tally.finished(),
            tally.doubled()
        );
        tokio::time::sleep(SAY_EVERY).await;
    }
}
