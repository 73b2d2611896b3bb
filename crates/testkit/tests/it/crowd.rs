//! Many runners at one server: what each costs while it is idle.
use freehold_testkit::{App, crowd, eventually};

/// Few enough for any machine's bound on open files: both ends are in this process.
const RUNNERS: usize = 300;
/// For both ends of a link together, in a debug build. axum's own buffers alone would take twice this.
const EACH_MOST: usize = 64 * 1024;

/// What this process has in memory, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    kib.parse::<usize>().unwrap() * 1024
}

async fn all_there(tally: &crowd::Tally, count: usize) {
    eventually("all are connected", async || {
        (tally.connected() == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_idle_runner_costs_little_memory() {
    let app = App::start().await;
    let members = async |count| crowd::enrol(app.engine.store(), app.owner.tenant, count).await;
    let address = app.url().replace("http://", "");
    // What is there once, however many there are: connections to the database, buffers, code.
    let some = crowd::begin(members(20).await, &address);
    all_there(&some, 20).await;
    let many = members(RUNNERS).await;
    let before = resident();
    let tally = crowd::begin(many, &address);
    all_there(&tally, RUNNERS).await;
    let each = (resident() - before) / RUNNERS;
    assert!(each < EACH_MOST, "{each} bytes for each idle runner");
}
