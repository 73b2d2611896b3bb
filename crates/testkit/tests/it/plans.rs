//! How lists and searches are carried out, on enough rows that it matters.
use std::path::Path;

use freehold_testkit::plans::{self, Overheard, book};
use freehold_testkit::populace::{Sizes, populate};
use freehold_testkit::site::Site;

const SIZES: Sizes = Sizes {
    tenants: 400,
    members: 40_000,
    cards_each: 20,
    audit_each: 100,
};

#[tokio::test]
async fn no_list_reads_a_whole_table_and_all_that_is_sent_stands_in_the_page_of_plans() {
    let overheard = Overheard::begin();
    let directory = tempfile::Builder::new().prefix("fh-plans").tempdir();
    let directory = directory.unwrap();
    let site = Site::start(directory.path(), None, 4, plans::SETTINGS).await;
    let known = populate(&site.postgres.owner_url(), &site.engine, SIZES, 2).await;
    let made = book(&site, &overheard, &known[0]).await;
    site.stop().await.stop().await;

    let scans: Vec<&str> = made
        .lines()
        .filter(|line| line.contains("Seq Scan on"))
        .collect();
    assert!(scans.is_empty(), "a whole table is read: {scans:?}");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/plans.md");
    let page = std::fs::read_to_string(page).unwrap();
    let statements: Vec<&str> = made
        .lines()
        .filter(|line| line.starts_with("SELECT"))
        .collect();
    assert!(statements.len() >= plans::LISTS.len(), "{made}");
    for statement in statements {
        assert!(
            page.lines().any(|line| line == statement),
            "not in docs/plans.md, which `UPDATE_PLANS=1 scripts/bench_api.py crowd` writes: {statement}"
        );
    }
}
