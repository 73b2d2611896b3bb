//! Steps of the schema: done twice, killed half-way, held up, and refused by an older program.

use std::time::{Duration, Instant};

use freehold_postgres::Options;
use freehold_store::{StoreError, migrate, schema_version};
use freehold_testkit::{Database, eventually};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::migrate::{Migrate as _, Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};
use tokio_util::sync::CancellationToken;

static STEPS: Migrator = sqlx::migrate!("../store/migrations");
/// Steps that are killed at their start and their end too.
const NEWEST: usize = 6;
/// A reader behind a step that waits for its table waits as long as the step does, and a little.
const HELD_UP: Duration = Duration::from_millis(2500);

/// All of a schema, a line each.
const SHAPE: &str = "
    SELECT format('column %s.%s %s %s %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
                  a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attidentity)
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
      LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL SELECT format('relation %s %s %s %s %s', relname, relkind, relrowsecurity, relforcerowsecurity, relacl)
      FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT format('index %s', indexdef) FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT format('policy %s %s %s %s %s %s', tablename, policyname, roles, cmd, qual, with_check)
      FROM pg_policies WHERE schemaname = 'public'
    UNION ALL SELECT format('function %s %s', pg_get_functiondef(oid), proacl)
      FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    ORDER BY 1";

async fn shape(owner: &mut PgConnection) -> Vec<String> {
    let rows = owner.fetch_all(SHAPE).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn steps(owner: &mut PgConnection) -> Vec<(i64, String)> {
    let rows =
        "SELECT version, installed_on::text || checksum::text FROM _sqlx_migrations ORDER BY 1";
    sqlx::query_as(rows).fetch_all(owner).await.unwrap()
}

#[tokio::test]
async fn every_step_done_twice_is_done_once() {
    let database = Database::empty().await;
    let mut owner = database.as_owner().await;
    for step in STEPS.iter() {
        STEPS.run_to(step.version, &mut owner).await.unwrap();
        let (before, done) = (shape(&mut owner).await, steps(&mut owner).await);
        assert_eq!(done.last().map(|(version, _)| *version), Some(step.version));
        STEPS.run_to(step.version, &mut owner).await.unwrap();
        assert_eq!(shape(&mut owner).await, before, "step {}", step.version);
        assert_eq!(steps(&mut owner).await, done, "step {}", step.version);
    }
    let before = shape(&mut owner).await;
    migrate(&database.owner).await.unwrap();
    assert_eq!(shape(&mut owner).await, before, "all at once");
    assert!(
        before.len() > 300,
        "the shape says little: {}",
        before.len()
    );
}

/// A step that stands still behind its first statements, for the test to kill it there.
fn cut(step: &Migration, statements: usize) -> Migration {
    let mut sql = parts(step.sql.as_str())[..statements].concat();
    sql.push_str("; SELECT pg_sleep(100) -- cut here");
    Migration::new(
        step.version,
        step.description.clone(),
        MigrationType::Simple,
        sqlx::SqlSafeStr::into_sql_str(AssertSqlSafe(sql)),
        false,
    )
}

/// A step's statements. Bodies of functions and blocks are between `$$`.
fn parts(sql: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut within = false;
    for line in sql.lines() {
        let last = parts.last_mut().unwrap();
        last.push_str(line);
        last.push('\n');
        within ^= line.matches("$$").count() % 2 == 1;
        if !within && line.split("--").next().unwrap().trim_end().ends_with(';') {
            parts.push(String::new());
        }
    }
    parts.retain(|part| part.contains(';'));
    parts
}

#[tokio::test]
async fn a_step_that_is_killed_anywhere_is_done_by_the_next_start() {
    let unbroken = Database::create().await;
    let wanted = shape(&mut unbroken.as_owner().await).await;
    // A server of its own: it goes down with each of its processes that is killed.
    let directory = tempfile::tempdir().unwrap();
    // Durable, unlike the others: else the crash takes back what was committed just before it.
    let options = Options::new(directory.path().join("postgres"));
    let server = freehold_postgres::start(options, CancellationToken::new())
        .await
        .unwrap();
    let url = server.owner_url();
    let all: Vec<Migration> = STEPS.iter().cloned().collect();
    let mut kills = 0;
    for at in 0..all.len() {
        let count = parts(all[at].sql.as_str()).len();
        // Each crash takes PostgreSQL seconds on a busy machine, and older steps were tried everywhere.
        let mut points = match at + NEWEST < all.len() {
            true => vec![(count / 2).max(1)],
            false => vec![1, count / 2, count],
        };
        points.retain(|point| *point > 0);
        points.dedup();
        for point in points {
            let mut steps = all[..at].to_vec();
            steps.push(cut(&all[at], point));
            let broken = Migrator::with_migrations(steps);
            let mut victim = connected(&url).await;
            let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
                .fetch_one(&mut victim)
                .await
                .unwrap();
            let killing = async {
                eventually("the step stands at the cut", || stands(&url, pid)).await;
                kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
            };
            let mut bystander = connected(&url).await;
            let (ended, ()) = tokio::join!(broken.run(&mut victim), killing);
            // PostgreSQL ends everybody's session; only then does it come up again.
            while bystander.execute("SELECT 1").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            assert!(ended.is_err(), "step {} was not killed", all[at].version);
            kills += 1;
            let mut owner = connected(&url).await;
            let done: i64 = sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations")
                .fetch_one(&mut owner)
                .await
                .unwrap();
            assert_eq!(done, i64::try_from(at).unwrap(), "a half step counts");
        }
        STEPS
            .run_to(all[at].version, &mut connected(&url).await)
            .await
            .unwrap();
    }
    migrate(&url).await.unwrap();
    let mut owner = connected(&url).await;
    assert_eq!(shape(&mut owner).await, wanted);
    assert!(kills >= all.len(), "{kills} kills");
    owner.close().await.unwrap();
    server.stop().await;
}

/// Whether a session sleeps where its step was cut.
async fn stands(url: &str, pid: i32) -> Option<()> {
    let there =
        "SELECT coalesce(wait_event = 'PgSleep', false) FROM pg_stat_activity WHERE pid = $1";
    let mut watcher = connected(url).await;
    let found: Option<bool> = sqlx::query_scalar(there)
        .bind(pid)
        .fetch_optional(&mut watcher)
        .await
        .unwrap();
    (found == Some(true)).then_some(())
}

/// A connection to a server that may be in recovery.
async fn connected(url: &str) -> PgConnection {
    eventually("PostgreSQL answers", async || {
        PgConnection::connect(url).await.ok()
    })
    .await
}

#[tokio::test]
async fn a_schema_that_is_up_to_date_waits_for_nobody() {
    let database = Database::create().await;
    // As of a server that died behind a link that says nothing of it.
    let mut held = database.as_owner().await;
    held.lock().await.unwrap();
    let began = Instant::now();
    migrate(&database.owner).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(1));
    // Where there is something to do, it waits its turn.
    held.execute(
        "DELETE FROM _sqlx_migrations WHERE version = (SELECT max(version) FROM _sqlx_migrations)",
    )
    .await
    .unwrap();
    let waiting = tokio::time::timeout(Duration::from_secs(3), migrate(&database.owner));
    assert!(waiting.await.is_err(), "it does nothing beside another");
}

#[tokio::test]
async fn a_schema_of_a_newer_program_is_refused_by_name() {
    let database = Database::create().await;
    let mut owner = database.as_owner().await;
    let later = schema_version() + 7;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES ($1, 'of a later time', true, '', 0)",
    )
    .bind(later)
    .execute(&mut owner)
    .await
    .unwrap();
    let refused = migrate(&database.owner).await;
    assert!(
        matches!(refused, Err(StoreError::Newer { found, known })
            if found == later && known == schema_version()),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_step_that_waits_for_a_table_lets_others_through() {
    let database = Database::empty().await;
    let mut owner = database.as_owner().await;
    // The one behind it changes `runs`.
    STEPS.run_to(8, &mut owner).await.unwrap();
    // Somebody reads for long: a step that changes the table must wait, and everybody behind it.
    owner
        .execute("BEGIN; LOCK TABLE runs IN ACCESS SHARE MODE")
        .await
        .unwrap();
    let url = database.owner.clone();
    let migrating = tokio::spawn(async move { migrate(&url).await });
    let mut longest = Duration::ZERO;
    let mut reader = database.as_owner().await;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(4) {
        let asked = Instant::now();
        let read = reader.execute("SELECT 1 FROM runs LIMIT 1");
        let read = tokio::time::timeout(Duration::from_secs(10), read).await;
        read.expect("a reader waits behind the step").unwrap();
        longest = longest.max(asked.elapsed());
    }
    assert!(!migrating.is_finished(), "it did not need the table");
    assert!(longest < HELD_UP, "a reader waited for {longest:?}");
    assert!(
        longest > Duration::from_millis(300),
        "nobody waited: no lock was tried"
    );
    owner.execute("COMMIT").await.unwrap();
    migrating.await.unwrap().unwrap();
    let done = steps(&mut owner).await;
    assert_eq!(
        done.last().map(|(version, _)| *version),
        Some(schema_version())
    );
}

/// A server of the version before, as the database knows it.
async fn server_of(database: &Database) -> PgConnection {
    let url = format!("{}&application_name=freehold-server", database.app);
    PgConnection::connect(&url).await.unwrap()
}

#[tokio::test]
async fn a_step_that_servers_of_before_cannot_live_with_waits_until_none_runs() {
    let database = Database::empty().await;
    let mut owner = database.as_owner().await;
    // The next one is one of those.
    STEPS.run_to(21, &mut owner).await.unwrap();
    let before = (shape(&mut owner).await, steps(&mut owner).await);
    let mut server = server_of(&database).await;
    let refused = migrate(&database.owner).await;
    assert!(
        matches!(refused, Err(StoreError::Served { step: 22 })),
        "{refused:?}"
    );
    server.execute("SELECT 1").await.unwrap();
    assert_eq!((shape(&mut owner).await, steps(&mut owner).await), before);
    // Told to end, it does so while the new one waits.
    let url = database.owner.clone();
    let migrating = tokio::spawn(async move { migrate(&url).await });
    tokio::time::timeout(Duration::from_secs(2), server.close())
        .await
        .unwrap()
        .unwrap();
    migrating.await.unwrap().unwrap();
    let done = steps(&mut owner).await;
    let last = done.last().map(|(version, _)| *version);
    assert_eq!(last, Some(schema_version()));
}

#[tokio::test]
async fn a_step_that_only_adds_is_brought_beside_servers() {
    let database = Database::empty().await;
    let mut owner = database.as_owner().await;
    STEPS.run_to(22, &mut owner).await.unwrap();
    let _server = server_of(&database).await;
    migrate(&database.owner).await.unwrap();
    let done = steps(&mut owner).await;
    let last = done.last().map(|(version, _)| *version);
    assert_eq!(last, Some(schema_version()));
}
