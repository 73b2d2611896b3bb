//! Lists and searches among ten thousand organizations with a million members.

use std::path::Path;
use std::time::Instant;

use freehold_testkit::plans::{self, LISTS, Overheard, book, path};
use freehold_testkit::populace::{Known, Sizes, populate};
use freehold_testkit::site::{Site, percentile};
use serde_json::{Value, json};

use crate::Wish;
use crate::load::{client, send};

/// Organizations that are asked about; the first is the large one.
const KNOWN: i64 = 20;
const AT_ONCE: usize = 4;

/// Milliseconds of so many requests for a list, four at a time.
async fn ask(site: &Site, list: &'static str, of: &[Known], many: usize) -> Vec<f64> {
    let http = client(None);
    let mut askers = tokio::task::JoinSet::new();
    for first in 0..AT_ONCE {
        let (http, url, of) = (http.clone(), site.url.clone(), of.to_vec());
        askers.spawn(async move {
            let mut ms = Vec::new();
            for n in (first..many).step_by(AT_ONCE) {
                let known = &of[n % of.len()];
                let url = format!("{url}/api/v1{}", path(list, known));
                let began = Instant::now();
                send(http.get(url).bearer_auth(&known.token)).await.unwrap();
                ms.push(began.elapsed().as_secs_f64() * 1000.0);
            }
            ms
        });
    }
    askers.join_all().await.concat()
}

pub(crate) async fn measure(wish: &Wish, directory: &Path) -> Value {
    let sizes = Sizes {
        tenants: wish.number("tenants", 10_000).into(),
        members: wish.number("members", 1_000_000).into(),
        cards_each: 20,
        audit_each: 50,
    };
    let asked = wish.number("asked", 300) as usize;
    let overheard = Overheard::begin();
    let site = Site::start(directory, None, 4, plans::SETTINGS).await;
    let began = Instant::now();
    let known = populate(&site.postgres.owner_url(), &site.engine, sizes, KNOWN).await;
    let filled = began.elapsed().as_secs_f64();
    let (large, small) = known.split_first().unwrap();
    let mut lists = serde_json::Map::new();
    let (mut slowest, mut all) = (0.0_f64, Vec::new());
    for list in LISTS {
        let mut of_large = ask(&site, list, std::slice::from_ref(large), asked).await;
        let mut of_small = ask(&site, list, small, asked).await;
        slowest = slowest.max(percentile(&mut of_large, 99));
        slowest = slowest.max(percentile(&mut of_small, 99));
        let said = json!({
            "large_p50_ms": percentile(&mut of_large, 50), "large_p99_ms": percentile(&mut of_large, 99),
            "p50_ms": percentile(&mut of_small, 50), "p99_ms": percentile(&mut of_small, 99),
        });
        lists.insert(list.into(), said);
        all.extend(of_large);
        all.extend(of_small);
    }
    let made = format!("{}{}", plans::HEAD, book(&site, &overheard, large).await);
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/plans.md");
    if std::env::var_os("UPDATE_PLANS").is_some() {
        std::fs::write(&page, &made).unwrap();
    }
    let there = std::fs::read_to_string(&page).unwrap_or_default();
    let others = made
        .lines()
        .filter(|line| !there.lines().any(|one| one == *line));
    let others: Vec<&str> = others.collect();
    let _ended = site.stop().await.stop().await;
    json!({
        "tenants": sizes.tenants, "members": sizes.members, "filled_s": filled,
        "p50_ms": percentile(&mut all, 50), "p99_ms": percentile(&mut all, 99),
        "slowest_list_p99_ms": slowest, "lists": lists, "lines_not_in_docs_plans": others,
    })
}
