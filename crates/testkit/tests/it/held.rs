//! Standing in the way: whoever holds rows brings requests to a halt in their middle, so that a test says in
//! which order things happen.
use freehold_model::{TenantId, UserId};
use freehold_testkit::App;
use sqlx::{Executor as _, PgConnection};

/// A transaction that holds something, and what looks at who waits for it.
pub(crate) struct Held {
    pub(crate) holder: PgConnection,
    pid: i32,
    looks: PgConnection,
}

impl Held {
    /// Sees what the server sees for this tenant and this person, and holds nothing yet.
    pub(crate) async fn nothing(app: &App, tenant: TenantId, user: Option<UserId>) -> Self {
        let mut holder = app.database.as_app().await;
        holder.execute("BEGIN").await.unwrap();
        sqlx::query("SELECT set_config('app.tenant', $1, true), set_config('app.user', $2, true)")
            .bind(tenant.uuid().to_string())
            .bind(user.map(|user| user.uuid().to_string()).unwrap_or_default())
            .execute(&mut holder)
            .await
            .unwrap();
        let pid = sqlx::query_scalar("SELECT pg_backend_pid()");
        Self {
            pid: pid.fetch_one(&mut holder).await.unwrap(),
            looks: app.database.as_owner().await,
            holder,
        }
    }

    /// Holds all memberships of a tenant: who wants to hold one waits.
    pub(crate) async fn members(app: &App, tenant: TenantId) -> Self {
        let mut held = Self::nothing(app, tenant, None).await;
        held.takes("SELECT 1 FROM members FOR UPDATE").await;
        held
    }

    /// Does something in the transaction.
    pub(crate) async fn takes(&mut self, statement: &'static str) {
        self.holder.execute(statement).await.unwrap();
    }

    /// Waits until so many wait for the holder, or for somebody who does.
    pub(crate) async fn in_line(&mut self, wanted: i64) {
        for _ in 0..500 {
            let waiting: i64 = sqlx::query_scalar(
                "WITH waits AS (SELECT DISTINCT pid, unnest(pg_blocking_pids(pid)) AS for_pid
                                FROM pg_locks WHERE NOT granted),
                      first AS (SELECT pid FROM waits WHERE for_pid = $1)
                 SELECT count(DISTINCT pid) FROM waits
                 WHERE for_pid = $1 OR for_pid IN (SELECT pid FROM first)",
            )
            .bind(self.pid)
            .fetch_one(&mut self.looks)
            .await
            .unwrap();
            if waiting >= wanted {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        unreachable!("fewer than {wanted} wait");
    }

    /// Commits: whoever waited goes on.
    pub(crate) async fn go(mut self) {
        self.takes("COMMIT").await;
    }
}
