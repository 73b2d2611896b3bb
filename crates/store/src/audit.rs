//! The audit log: entries, which are written with the act that they tell of, and the chain in which each
//! gets its place a moment later.

use chrono::{DateTime, Utc};
use freehold_model::TenantId;

use crate::{Result, Store, Tx};

/// What came of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was not allowed.
    Refused,
}

impl Outcome {
    /// As it is written.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

/// An entry to be written.
#[derive(Debug, Clone)]
pub struct NewAudit {
    /// When, by the server's clock.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// To what.
    pub resource: String,
    /// What for.
    pub purpose: String,
    /// What came of it.
    pub outcome: Outcome,
    /// The request's word in the server's log, or nothing.
    pub correlation: String,
    /// Where the request came from, or nothing.
    pub address: String,
}

/// An entry as it is stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct AuditRow {
    /// Where it is in the table: rising, with gaps.
    pub seq: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// To what.
    pub resource: String,
    /// What for.
    pub purpose: String,
    /// What came of it.
    pub outcome: String,
    /// The request's word in the server's log, or nothing.
    pub correlation: String,
    /// Where the request came from, or nothing.
    pub address: String,
    /// What its words are hashed with; none for entries of before there was any.
    pub salt: Option<uuid::Uuid>,
    /// Its place in the chain, once it has one.
    pub n: Option<i64>,
    /// The chain's hash there.
    pub hash: Option<Vec<u8>>,
}

/// Which entries.
#[derive(Debug, Clone, Default)]
pub struct AuditPart {
    /// Older than this one.
    pub before: Option<i64>,
    /// Of this actor.
    pub actor: Option<String>,
    /// Of this act, or of all whose name begins so where it ends in a dot (`run.`).
    pub action: Option<String>,
    /// Of this thing.
    pub resource: Option<String>,
    /// From then on.
    pub since: Option<DateTime<Utc>>,
    /// Up to then.
    pub until: Option<DateTime<Utc>>,
}

/// A place in the chain that an entry gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its number.
    pub n: i64,
    /// The entry.
    pub seq: i64,
    /// The hash.
    pub hash: Vec<u8>,
    /// What stays of it when its words go; none where nothing would.
    pub rest: Option<Rest>,
}

/// What stays of an entry without its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    /// Its class.
    pub class: &'static str,
    /// The digest of its words.
    pub digest: Vec<u8>,
    /// When it was done.
    pub at: DateTime<Utc>,
}

impl Store {
    /// Tenants behind `after` with entries that have no place in their chain yet, at most `most`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn audit_unchained(
        &self,
        after: Option<TenantId>,
        most: i32,
    ) -> Result<Vec<TenantId>> {
        let ids: Vec<uuid::Uuid> = sqlx::query_scalar("SELECT queue_audits($1, $2)")
            .bind(after.map_or(uuid::Uuid::nil(), TenantId::uuid))
            .bind(most)
            .fetch_all(&self.pool)
            .await?;
        Ok(ids.into_iter().map(TenantId::from_uuid).collect())
    }
}

impl Tx {
    /// Entries, newest first.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn audit_list(&mut self, part: &AuditPart, limit: i64) -> Result<Vec<AuditRow>> {
        self.write_gathered().await?;
        Ok(sqlx::query_as(
            "SELECT e.seq, e.at, e.actor, e.action, e.resource, e.purpose, e.outcome, e.correlation, e.address, e.salt, c.n, c.hash
             FROM audit_entries e LEFT JOIN audit_chain c ON c.tenant_id = e.tenant_id AND c.seq = e.seq
             WHERE e.tenant_id = $1 AND e.seq < $2 AND ($3::text IS NULL OR e.actor = $3)
               AND ($4::text IS NULL OR e.action COLLATE \"C\" = $4
                    OR (right($4, 1) = '.' AND starts_with(e.action COLLATE \"C\", $4)))
               AND ($5::text IS NULL OR e.resource = $5)
               AND ($6::timestamptz IS NULL OR e.at >= $6) AND ($7::timestamptz IS NULL OR e.at < $7)
             ORDER BY e.seq DESC LIMIT $8",
        )
        .bind(self.tenant.uuid())
        .bind(part.before.unwrap_or(i64::MAX))
        .bind(&part.actor)
        .bind(&part.action)
        .bind(&part.resource)
        .bind(part.since)
        .bind(part.until)
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?)
    }

    /// Whoever chains this tenant's entries is alone until the transaction ends.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn audit_gate(&mut self) -> Result<()> {
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
            .bind(format!("audit of {}", self.tenant))
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Entries that have no place yet, oldest first.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn audit_waiting(&mut self, limit: i64) -> Result<Vec<AuditRow>> {
        self.write_gathered().await?;
        Ok(sqlx::query_as(
            "SELECT e.seq, e.at, e.actor, e.action, e.resource, e.purpose, e.outcome, e.correlation, e.address, e.salt,
                    NULL::bigint AS n, NULL::bytea AS hash
             FROM queue_audit q JOIN audit_entries e ON e.tenant_id = q.tenant_id AND e.seq = q.seq
             WHERE q.tenant_id = $1 ORDER BY q.seq LIMIT $2",
        )
        .bind(self.tenant.uuid())
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?)
    }

    /// How many audit entries there are of `action`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn audit_count(&mut self, action: &str) -> Result<i64> {
        self.write_gathered().await?;
        Ok(sqlx::query_scalar(
            "SELECT count(*) FROM audit_entries WHERE tenant_id = $1 AND action = $2",
        )
        .bind(self.tenant.uuid())
        .bind(action)
        .fetch_one(&mut *self.inner)
        .await?)
    }
}
