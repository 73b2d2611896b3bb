//! Bringing the schema up to date. Each step is a transaction: killed half-way it leaves nothing, and
//! the next start does it again.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::presence::SERVER;
use crate::{Result, StoreError};

static STEPS: Migrator = sqlx::migrate!();

/// Steps that a server of a version before cannot live with: what it names is gone, or what it does not write is counted on.
/// They are brought when no server runs. `docs/recipes.md` says how a step is made that is none of these.
const ALONE: [i64; 7] = [8, 13, 14, 16, 17, 18, 22];
/// A server that was told to end has let go of its sessions within this.
const ALONE_TRIES: u32 = 20;

/// A statement that waits for a table keeps everybody waiting who comes behind it: a server that runs
/// stands still no longer than this.
const LOCK_TIMEOUT: &str = "1s";
/// Between two tries, so that those who waited behind us get on.
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// Tries before a person is asked: a minute and a half, within what `up` gives a server to start.
const TRIES: u32 = 60;
/// SQLSTATE of a lock that was not had in time.
const LOCK_NOT_AVAILABLE: &str = "55P03";
/// SQLSTATE of a step that was chosen to give way to a server that works.
const DEADLOCK: &str = "40P01";

/// The newest version of the schema that this program knows.
#[must_use]
pub fn schema_version() -> i64 {
    STEPS.iter().map(|step| step.version).max().unwrap_or(0)
}

/// Brings the schema of the database at `url` up to date, connected as its owner. Safe to call
/// from several processes at once and any number of times; killed half-way it can be called again.
///
/// # Errors
/// [`StoreError::Newer`] when another program has brought it further than this one knows,
/// [`StoreError::Served`] when servers run that could not live with a step, [`StoreError::Locked`] when its tables are held
/// for too long; when the database is unreachable, or
/// a step fails or was changed after it was applied.
pub async fn migrate(url: &str) -> Result<()> {
    let options: PgConnectOptions = url.parse()?;
    let options = options
        .application_name("freehold-migrate")
        .options([("lock_timeout", LOCK_TIMEOUT)]);
    for turn in 0..TRIES {
        // A connection of its own for each try: with it go the locks that a failed one may hold.
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .connect_with(options.clone())
            .await?;
        if has_all(&pool).await {
            pool.close().await;
            return Ok(());
        }
        if let Some(step) = waits_for_servers(&pool).await? {
            pool.close().await;
            if turn >= ALONE_TRIES {
                return Err(StoreError::Served { step });
            }
            tokio::time::sleep(TRY_AGAIN).await;
            continue;
        }
        let done = STEPS.run(&pool).await;
        pool.close().await;
        match done {
            Err(error) if is_locked(&error) => tokio::time::sleep(TRY_AGAIN).await,
            Err(MigrateError::VersionMissing(found)) if found > schema_version() => {
                return Err(StoreError::Newer {
                    found,
                    known: schema_version(),
                });
            }
            other => return Ok(other?),
        }
    }
    Err(StoreError::Locked)
}

/// Whether every step was applied as it is here. Then there is nothing to lock: a server that starts
/// again waits for no other, nor for the session that one left behind when its host went away.
async fn has_all(pool: &PgPool) -> bool {
    let applied: sqlx::Result<Vec<(i64, Vec<u8>)>> = sqlx::query_as(
        "SELECT version, checksum FROM _sqlx_migrations WHERE success ORDER BY version",
    )
    .fetch_all(pool)
    .await;
    let known = STEPS
        .iter()
        .map(|step| (step.version, step.checksum.to_vec()));
    // A new database has no such table: its steps are all to be done.
    applied.is_ok_and(|applied| applied.into_iter().eq(known))
}

/// The first step to be brought that no server may run beside, where one does.
async fn waits_for_servers(pool: &PgPool) -> Result<Option<i64>> {
    // A new database has no such table, and no server.
    let there: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(pool)
        .await?;
    if !there {
        return Ok(None);
    }
    let last: Option<i64> =
        sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success")
            .fetch_one(pool)
            .await?;
    let behind = |step: &&i64| last.is_some_and(|last| **step > last);
    let Some(step) = ALONE.iter().find(behind) else {
        return Ok(None);
    };
    let served: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM pg_stat_activity
                        WHERE datname = current_database() AND application_name = $1)",
    )
    .bind(SERVER)
    .fetch_one(pool)
    .await?;
    Ok(served.then_some(*step))
}

fn is_locked(error: &MigrateError) -> bool {
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else {
        return false;
    };
    let code = error.as_database_error().and_then(|error| error.code());
    let code = code.as_deref();
    code == Some(LOCK_NOT_AVAILABLE) || code == Some(DEADLOCK)
}
