//! What row-level security costs: the same reads with its policies and without, and beside a single statement
//! that needs no transaction.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use freehold_testkit::populace::{Known, Sizes, populate};
use freehold_testkit::site::Site;
use serde_json::{Value, json};
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection as _, Executor as _, PgConnection, PgPool};
use tokio::task::JoinSet;

use crate::Wish;
use crate::load::{client, send};

const AT_ONCE: usize = 16;
const SIZES: Sizes = Sizes {
    tenants: 1000,
    members: 100_000,
    cards_each: 20,
    audit_each: 20,
};
/// The floor of the single row: all that a read needs.
const ROW: &str = "SELECT user_id, name, email, role, review, created_at FROM members
    WHERE tenant_id = $1 AND user_id = $2";

/// How many a second, by so many at once.
async fn rate<F: Future<Output = ()> + Send>(
    span: Duration,
    once: impl Fn() -> F + Send + Sync + Clone + 'static,
) -> f64 {
    let (count, until) = (Arc::new(AtomicUsize::new(0)), Instant::now() + span);
    let mut askers = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (count, once) = (count.clone(), once.clone());
        askers.spawn(async move {
            while Instant::now() < until {
                once().await;
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    askers.join_all().await;
    let count = u32::try_from(count.load(Ordering::Relaxed)).unwrap();
    f64::from(count) / span.as_secs_f64()
}

/// Switches the policies of all tables on or off, with rows for all to see where they are off.
async fn policies(owner: &mut PgConnection, on: bool) {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND c.relforcerowsecurity",
    )
    .fetch_all(&mut *owner)
    .await
    .unwrap();
    let word = if on { "ENABLE" } else { "DISABLE" };
    for table in tables {
        let sql = format!("ALTER TABLE {table} {word} ROW LEVEL SECURITY");
        owner.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
    }
}

/// A row and a list, over HTTP.
async fn over_http(site: &Site, known: &Known, span: Duration) -> [f64; 2] {
    let (http, token) = (client(None), known.token.clone());
    let member = format!("{}/api/v1/members/{}", site.url, known.caller.user);
    let list = format!("{}/api/v1/members?limit=50", site.url);
    let ask = move |url: &str| {
        let request = http.get(url).bearer_auth(&token);
        async { send(request).await.map(drop).unwrap() }
    };
    let asks = ask.clone();
    let row = rate(span, move || asks(&member)).await;
    [row, rate(span, move || ask(&list)).await]
}

/// A token looked up and a row read in a transaction of its tenant, as a request does it.
async fn bound(site: &Site, known: &Known, span: Duration) -> f64 {
    let (engine, token) = (site.engine.clone(), known.token.clone());
    rate(span, move || {
        let (engine, token) = (engine.clone(), token.clone());
        async move {
            let caller = engine.session(&token, None).await.unwrap().caller;
            let mut tx = engine.store().begin(caller.tenant).await.unwrap();
            assert!(tx.member_get(caller.user).await.unwrap().is_some());
            drop(tx);
        }
    })
    .await
}

/// The same with nothing around the row's statement.
async fn unbound(site: &Site, pool: &PgPool, known: &Known, span: Duration) -> f64 {
    let (engine, token, pool) = (site.engine.clone(), known.token.clone(), pool.clone());
    rate(span, move || {
        let (engine, token, pool) = (engine.clone(), token.clone(), pool.clone());
        async move {
            let caller = engine.session(&token, None).await.unwrap().caller;
            let query = sqlx::query(ROW).bind(caller.tenant.uuid());
            let row = query.bind(caller.user.uuid()).fetch_optional(&pool).await;
            assert!(row.unwrap().is_some());
        }
    })
    .await
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

pub(crate) async fn measure(wish: &Wish, directory: &Path) -> Value {
    let span = wish.seconds(3);
    let site = Site::start(directory, None, 4, "").await;
    let known = populate(&site.postgres.owner_url(), &site.engine, SIZES, 2).await;
    let known = &known[1];
    let mut owner = PgConnection::connect(&site.postgres.owner_url())
        .await
        .unwrap();
    let pool = PgPoolOptions::new().max_connections(16);
    let pool = pool.connect(&site.postgres.app_url()).await.unwrap();
    let mut rates: [Vec<f64>; 6] = Default::default();
    for _ in 0..wish.number("rounds", 5) {
        let [row, list] = over_http(&site, known, span).await;
        let read = bound(&site, known, span).await;
        policies(&mut owner, false).await;
        let [row_without, list_without] = over_http(&site, known, span).await;
        let floor = unbound(&site, &pool, known, span).await;
        policies(&mut owner, true).await;
        let round = [row, row_without, list, list_without, read, floor];
        for (all, one) in rates.iter_mut().zip(round) {
            all.push(one);
        }
    }
    let _ended = site.stop().await.stop().await;
    let [row, row_without, list, list_without, read, floor] = rates.map(median);
    json!({
        "row_per_s": row, "row_without_policies_per_s": row_without, "row_time_ratio": row_without / row,
        "list_per_s": list, "list_without_policies_per_s": list_without, "list_time_ratio": list_without / list,
        "read_in_process_per_s": read, "one_statement_without_policies_per_s": floor, "read_of_floor": read / floor,
    })
}
