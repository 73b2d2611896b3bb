//! Enrolled runners.

use chrono::{DateTime, Utc};
use freehold_model::schedule::Labels;
use freehold_model::{RunnerId, TenantId};
use serde_json::Value;

use crate::{Hint, Noun, Result, Store, StoreError, Tx, document, to_json};

/// A runner.
#[derive(Debug, Clone)]
pub struct RunnerRow {
    /// Its id.
    pub id: RunnerId,
    /// Its host's name.
    pub name: String,
    /// Ed25519 public key.
    pub signing_key: Vec<u8>,
    /// HPKE public key.
    pub seal_key: Vec<u8>,
    /// What it offers.
    pub labels: Labels,
    /// How many jobs it takes at once.
    pub capacity: i32,
    /// Its program's version.
    pub version: String,
    /// What its machine is and can do; nothing before it connected.
    pub machine: Option<Value>,
    /// The last frame that was taken for good.
    pub last_seq: i64,
    /// When it was last heard of.
    pub last_seen: Option<DateTime<Utc>>,
    /// Jobs it holds now.
    pub busy: i64,
    /// When it was enrolled.
    pub created_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct Raw {
    id: uuid::Uuid,
    name: String,
    signing_key: Vec<u8>,
    seal_key: Vec<u8>,
    labels: Value,
    capacity: i32,
    version: String,
    machine: Option<Value>,
    last_seq: i64,
    last_seen: Option<DateTime<Utc>>,
    busy: i64,
    created_at: DateTime<Utc>,
}

impl Raw {
    fn row(self) -> Result<RunnerRow> {
        Ok(RunnerRow {
            id: RunnerId::from_uuid(self.id),
            name: self.name,
            signing_key: self.signing_key,
            seal_key: self.seal_key,
            labels: document("runners", self.labels)?,
            capacity: self.capacity,
            version: self.version,
            machine: self.machine,
            last_seq: self.last_seq,
            last_seen: self.last_seen,
            busy: self.busy,
            created_at: self.created_at,
        })
    }
}

impl Store {
    /// The tenant and the signing key of a runner that is not revoked; before a tenant is known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn runner_identity(&self, id: RunnerId) -> Result<Option<(TenantId, Vec<u8>)>> {
        let found: Option<(uuid::Uuid, Vec<u8>, Option<DateTime<Utc>>)> =
            sqlx::query_as("SELECT tenant_id, signing_key, revoked_at FROM lookup_runner($1)")
                .bind(id.uuid())
                .fetch_optional(&self.pool)
                .await?;
        Ok(found
            .filter(|(_, _, revoked)| revoked.is_none())
            .map(|(tenant, key, _)| (TenantId::from_uuid(tenant), key)))
    }
}

impl Tx {
    /// Adds a runner.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when the id is.
    pub async fn runner_insert(&mut self, row: &RunnerRow) -> Result<()> {
        sqlx::query(
            "INSERT INTO runners (tenant_id, id, name, signing_key, seal_key, labels, capacity,
                                  version, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(self.tenant.uuid())
        .bind(row.id.uuid())
        .bind(&row.name)
        .bind(&row.signing_key)
        .bind(&row.seal_key)
        .bind(to_json("runners", &row.labels)?)
        .bind(row.capacity)
        .bind(&row.version)
        .bind(row.created_at)
        .execute(&mut *self.inner)
        .await?;
        self.hint(Hint::Settings(Noun::Runner));
        Ok(())
    }

    /// What a runner said of itself when it connected. Gives the last frame taken from it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn runner_hello(
        &mut self,
        id: RunnerId,
        labels: &Labels,
        capacity: i32,
        version: &str,
        machine: Option<&Value>,
        at: DateTime<Utc>,
    ) -> Result<Option<i64>> {
        Ok(sqlx::query_scalar(
            "WITH runner AS (
                 UPDATE runners SET labels = $3, capacity = $4, version = $5, machine = $7
                 WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL RETURNING last_seq),
             seen AS (
                 INSERT INTO runner_presence AS p (tenant_id, runner_id, seen_at, gone)
                 SELECT $1, $2, $6, false FROM runner
                 ON CONFLICT (tenant_id, runner_id) DO UPDATE
                 SET seen_at = greatest(p.seen_at, excluded.seen_at), gone = false)
             SELECT last_seq FROM runner",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(to_json("runners", labels)?)
        .bind(capacity)
        .bind(version)
        .bind(at)
        .bind(machine)
        .fetch_optional(&mut *self.inner)
        .await?)
    }

    /// A runner's connection ended; it may have another by now, and says so when it is next heard of.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn runner_gone(&mut self, id: RunnerId) -> Result<()> {
        sqlx::query(
            "UPDATE runner_presence SET gone = true WHERE tenant_id = $1 AND runner_id = $2",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .execute(&mut *self.inner)
        .await?;
        self.hint(Hint::Settings(Noun::Runner));
        Ok(())
    }

    /// Whether a runner of the tenant that is none of `here` was heard of after `since`, and is
    /// connected as far as is known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn runner_elsewhere(
        &mut self,
        since: DateTime<Utc>,
        here: &[RunnerId],
    ) -> Result<bool> {
        let here: Vec<uuid::Uuid> = here.iter().map(|runner| runner.uuid()).collect();
        Ok(sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM runner_presence
                            WHERE tenant_id = $1 AND NOT gone AND seen_at > $2
                              AND NOT (runner_id = ANY ($3)))",
        )
        .bind(self.tenant.uuid())
        .bind(since)
        .bind(here)
        .fetch_one(&mut *self.inner)
        .await?)
    }

    /// Locks the runner's row, so that a second connection of the same runner waits for the first, and gives
    /// the last frame that was taken from it before; everything up to `seq` is taken where this is committed.
    /// None when it was revoked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn runner_take(&mut self, id: RunnerId, seq: i64) -> Result<Option<i64>> {
        Ok(sqlx::query_scalar(
            "UPDATE runners r SET last_seq = greatest(before.last_seq, $3)
             FROM (SELECT tenant_id, id, last_seq FROM runners
                   WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL FOR UPDATE) before
             WHERE r.tenant_id = before.tenant_id AND r.id = before.id
             RETURNING before.last_seq",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(seq)
        .fetch_optional(&mut *self.inner)
        .await?)
    }

    /// Everything up to `seq` has been taken. Commits together with what was taken.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn runner_taken(&mut self, id: RunnerId, seq: i64) -> Result<()> {
        let done = sqlx::query(
            "UPDATE runners SET last_seq = $3 WHERE tenant_id = $1 AND id = $2 AND last_seq < $3",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(seq)
        .execute(&mut *self.inner)
        .await?;
        if done.rows_affected() != 1 {
            return Err(StoreError::Inconsistent {
                table: "runners",
                what: format!("{id} went back behind frame {seq}"),
            });
        }
        Ok(())
    }

    /// Runners in the order they were enrolled.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn runner_list(
        &mut self,
        after: Option<RunnerId>,
        limit: i64,
    ) -> Result<Vec<RunnerRow>> {
        let raw: Vec<Raw> = sqlx::query_as(
            "SELECT r.id, r.name, r.signing_key, r.seal_key, r.labels, r.capacity, r.version, r.machine,
                    r.last_seq, p.seen_at AS last_seen, r.created_at,
                    (SELECT count(*) FROM runs u
                     WHERE u.tenant_id = r.tenant_id AND u.lease_job IS NOT NULL AND u.lease_runner = r.id) AS busy
             FROM runners r
             LEFT JOIN runner_presence p ON p.tenant_id = r.tenant_id AND p.runner_id = r.id
             WHERE r.tenant_id = $1 AND r.revoked_at IS NULL AND r.id > $2
             ORDER BY r.id LIMIT $3",
        )
        .bind(self.tenant.uuid())
        .bind(after.map_or(uuid::Uuid::nil(), RunnerId::uuid))
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        raw.into_iter().map(Raw::row).collect()
    }

    /// A runner that is not revoked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn runner_get(&mut self, id: RunnerId) -> Result<Option<RunnerRow>> {
        let raw: Option<Raw> = sqlx::query_as(
            "SELECT r.id, r.name, r.signing_key, r.seal_key, r.labels, r.capacity, r.version, r.machine,
                    r.last_seq, p.seen_at AS last_seen, r.created_at,
                    (SELECT count(*) FROM runs u
                     WHERE u.tenant_id = r.tenant_id AND u.lease_job IS NOT NULL AND u.lease_runner = r.id) AS busy
             FROM runners r
             LEFT JOIN runner_presence p ON p.tenant_id = r.tenant_id AND p.runner_id = r.id
             WHERE r.tenant_id = $1 AND r.id = $2 AND r.revoked_at IS NULL",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .fetch_optional(&mut *self.inner)
        .await?;
        raw.map(Raw::row).transpose()
    }

    /// Revokes a runner. False when it was revoked already or is not there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn runner_revoke(&mut self, id: RunnerId, at: DateTime<Utc>) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE runners SET revoked_at = $3
             WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(at)
        .execute(&mut *self.inner)
        .await?;
        sqlx::query("DELETE FROM runner_presence WHERE tenant_id = $1 AND runner_id = $2")
            .bind(self.tenant.uuid())
            .bind(id.uuid())
            .execute(&mut *self.inner)
            .await?;
        // What was sealed to it stays sealed to a key that nobody here trusts any more.
        sqlx::query("DELETE FROM content_keys WHERE tenant_id = $1 AND recipient = $2")
            .bind(self.tenant.uuid())
            .bind(id.to_string())
            .execute(&mut *self.inner)
            .await?;
        self.hint(Hint::Settings(Noun::Runner));
        Ok(done.rows_affected() == 1)
    }

    /// Whether this runner was shut out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn runner_is_revoked(&mut self, id: RunnerId) -> Result<bool> {
        Ok(sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM runners
                            WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NOT NULL)",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .fetch_one(&mut *self.inner)
        .await?)
    }
}
