//! The chain of the audit log: places, checkpoints, what is unsigned, and what was let go.

use chrono::{DateTime, TimeDelta, Utc};
use freehold_model::TenantId;
use serde_json::Value;

use crate::audit::{AuditRow, Link};
use crate::{Result, Store, StoreError, Tx};

/// A place of the chain, with the entry or what is left of it.
#[derive(Debug, Clone)]
pub struct Placed {
    /// Its number.
    pub n: i64,
    /// The chain's hash there.
    pub hash: Vec<u8>,
    /// When it was done, its class and the digest of its words; none in the first format.
    pub rest: Option<(DateTime<Utc>, String, Vec<u8>)>,
    /// When its words went.
    pub gone_at: Option<DateTime<Utc>>,
    /// Its words, while they are there.
    pub entry: Option<AuditRow>,
}

#[derive(sqlx::FromRow)]
struct Raw {
    n: i64,
    hash: Vec<u8>,
    class: Option<String>,
    digest: Option<Vec<u8>>,
    done_at: Option<DateTime<Utc>>,
    gone_at: Option<DateTime<Utc>>,
    seq: Option<i64>,
    at: Option<DateTime<Utc>>,
    actor: Option<String>,
    action: Option<String>,
    resource: Option<String>,
    purpose: Option<String>,
    outcome: Option<String>,
    correlation: Option<String>,
    address: Option<String>,
    salt: Option<uuid::Uuid>,
}

impl Raw {
    fn placed(self) -> Placed {
        let word = Option::unwrap_or_default;
        let entry = self.seq.zip(self.at).map(|(seq, at)| AuditRow {
            seq,
            at,
            actor: word(self.actor),
            action: word(self.action),
            resource: word(self.resource),
            purpose: word(self.purpose),
            outcome: word(self.outcome),
            correlation: word(self.correlation),
            address: word(self.address),
            salt: self.salt,
            n: Some(self.n),
            hash: Some(self.hash.clone()),
        });
        let rest = self.done_at.zip(self.class).zip(self.digest);
        Placed {
            n: self.n,
            hash: self.hash,
            rest: rest.map(|((at, class), digest)| (at, class, digest)),
            gone_at: self.gone_at,
            entry,
        }
    }
}

/// A place that may go.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Oldest {
    /// Its number.
    pub n: i64,
    /// The chain's hash there.
    pub hash: Vec<u8>,
    /// When its entry was written, by whichever clock says the later time.
    pub at: DateTime<Utc>,
}

impl Store {
    /// Tenants whose chain is to be signed by now, at most `most`: those longest due first.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn audit_unsigned(&self, most: i32) -> Result<Vec<TenantId>> {
        let ids: Vec<uuid::Uuid> = sqlx::query_scalar("SELECT queue_unsigned($1)")
            .bind(most)
            .fetch_all(&self.pool)
            .await?;
        Ok(ids.into_iter().map(TenantId::from_uuid).collect())
    }
}

impl Tx {
    /// Places behind the `n`th of the chain, in order.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn audit_chained(&mut self, n: i64, limit: i64) -> Result<Vec<Placed>> {
        let rows: Vec<Raw> = sqlx::query_as(
            "SELECT c.n, c.hash, c.class, c.digest, c.at AS done_at, c.gone_at, e.seq, e.at, e.actor, e.action,
                    e.resource, e.purpose, e.outcome, e.correlation, e.address, e.salt
             FROM audit_chain c LEFT JOIN audit_entries e ON e.tenant_id = c.tenant_id AND e.seq = c.seq
             WHERE c.tenant_id = $1 AND c.n > $2 ORDER BY c.n LIMIT $3",
        )
        .bind(self.tenant.uuid())
        .bind(n)
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows.into_iter().map(Raw::placed).collect())
    }

    /// The place of the chain with this number; of its end where silent. None before the first entry, and
    /// where it went.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn audit_place(&mut self, n: Option<i64>) -> Result<Option<(i64, Vec<u8>)>> {
        Ok(sqlx::query_as(
            "SELECT n, hash FROM audit_chain WHERE tenant_id = $1 AND n <= $2 ORDER BY n DESC LIMIT 1",
        )
        .bind(self.tenant.uuid())
        .bind(n.unwrap_or(i64::MAX))
        .fetch_optional(&mut *self.inner)
        .await?)
    }

    /// Gives entries their places. What is unsigned then is to be signed after `quiet`, if nothing comes
    /// meanwhile.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn audit_chain(&mut self, links: &[Link], quiet: TimeDelta) -> Result<()> {
        let n: Vec<i64> = links.iter().map(|link| link.n).collect();
        let seq: Vec<i64> = links.iter().map(|link| link.seq).collect();
        let hash: Vec<&[u8]> = links.iter().map(|link| link.hash.as_slice()).collect();
        let rest = |link: &Link| link.rest.clone();
        let rests: Vec<_> = links.iter().map(rest).collect();
        let class: Vec<Option<&str>> = rests.iter().map(|r| r.as_ref().map(|r| r.class)).collect();
        let digest: Vec<Option<&[u8]>> = rests
            .iter()
            .map(|r| r.as_ref().map(|r| r.digest.as_slice()))
            .collect();
        let at: Vec<Option<DateTime<Utc>>> =
            rests.iter().map(|r| r.as_ref().map(|r| r.at)).collect();
        sqlx::query(
            "WITH placed AS (
                 INSERT INTO audit_chain (tenant_id, placed_at, n, seq, hash, class, digest, at)
                 SELECT $1, $8, * FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::text[], $6::bytea[],
                                              $7::timestamptz[])),
             unsigned AS (
                 INSERT INTO queue_unsigned (tenant_id, due) VALUES ($1, $8 + $9::interval)
                 ON CONFLICT (tenant_id) DO UPDATE SET due = excluded.due)
             DELETE FROM queue_audit WHERE tenant_id = $1 AND seq = ANY ($3)",
        )
        .bind(self.tenant.uuid())
        .bind(n)
        .bind(seq)
        .bind(hash)
        .bind(class)
        .bind(digest)
        .bind(at)
        .bind(self.time)
        .bind(quiet)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// The last checkpoint: how far it goes, and when it was signed.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn audit_signed(&mut self) -> Result<Option<(i64, DateTime<Utc>)>> {
        Ok(sqlx::query_as(
            "SELECT n, at FROM audit_checkpoints WHERE tenant_id = $1 ORDER BY n DESC LIMIT 1",
        )
        .bind(self.tenant.uuid())
        .fetch_optional(&mut *self.inner)
        .await?)
    }

    /// Keeps a checkpoint of the chain's end; one of the same place is there already where it was signed
    /// before. Nothing is unsigned then.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn audit_sign(&mut self, n: i64, at: DateTime<Utc>, envelope: &Value) -> Result<()> {
        sqlx::query(
            "INSERT INTO audit_checkpoints (tenant_id, n, at, envelope) VALUES ($1, $2, $3, $4)
             ON CONFLICT DO NOTHING",
        )
        .bind(self.tenant.uuid())
        .bind(n)
        .bind(at)
        .bind(envelope)
        .execute(&mut *self.inner)
        .await?;
        self.audit_nothing_unsigned().await
    }

    /// Nothing of the chain is unsigned.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn audit_nothing_unsigned(&mut self) -> Result<()> {
        sqlx::query("DELETE FROM queue_unsigned WHERE tenant_id = $1")
            .bind(self.tenant.uuid())
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Checkpoints behind the `n`th entry, up to the `last`th, in order.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn audit_checkpoints(&mut self, n: i64, last: i64) -> Result<Vec<(i64, Value)>> {
        Ok(sqlx::query_as(
            "SELECT n, envelope FROM audit_checkpoints
             WHERE tenant_id = $1 AND n > $2 AND n <= $3 ORDER BY n",
        )
        .bind(self.tenant.uuid())
        .bind(n)
        .bind(last)
        .fetch_all(&mut *self.inner)
        .await?)
    }

    /// Where the log begins whose beginning was let go: the last entry that went, its hash, and the signed
    /// cut.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn audit_began(&mut self) -> Result<Option<(i64, Vec<u8>, Value)>> {
        Ok(sqlx::query_as(
            "SELECT n, hash, envelope FROM audit_cuts WHERE tenant_id = $1 ORDER BY n DESC LIMIT 1",
        )
        .bind(self.tenant.uuid())
        .fetch_optional(&mut *self.inner)
        .await?)
    }

    /// The first places of the chain that may go, in order: all but its last.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn audit_oldest(&mut self, limit: i64) -> Result<Vec<Oldest>> {
        Ok(sqlx::query_as(
            "SELECT c.n, c.hash, greatest(c.at, c.placed_at, e.at) AS at
             FROM audit_chain c LEFT JOIN audit_entries e ON e.tenant_id = c.tenant_id AND e.seq = c.seq
             WHERE c.tenant_id = $1 AND c.n < (SELECT max(n) FROM audit_chain WHERE tenant_id = $1)
             ORDER BY c.n LIMIT $2",
        )
        .bind(self.tenant.uuid())
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?)
    }

    /// Keeps a signed cut of this place and lets go of all up to it. Gives how many went.
    ///
    /// # Errors
    /// [`crate::StoreError`]; also where something is too young to go. Then all is there.
    pub async fn audit_cut(
        &mut self,
        n: i64,
        hash: &[u8],
        at: DateTime<Utc>,
        envelope: &Value,
    ) -> Result<u64> {
        sqlx::query(
            "INSERT INTO audit_cuts (tenant_id, n, hash, at, envelope) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(self.tenant.uuid())
        .bind(n)
        .bind(hash)
        .bind(at)
        .bind(envelope)
        .execute(&mut *self.inner)
        .await?;
        let went: i64 = sqlx::query_scalar("SELECT audit_cut($1)")
            .bind(n)
            .fetch_one(&mut *self.inner)
            .await?;
        counted(went)
    }

    /// Lets go of words of the class `reading` that are older than `before`, `most` at most. Gives how many
    /// entries.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn audit_fade(&mut self, before: DateTime<Utc>, most: i32) -> Result<u64> {
        let went: i64 = sqlx::query_scalar("SELECT audit_fade($1, $2)")
            .bind(before)
            .bind(most)
            .fetch_one(&mut *self.inner)
            .await?;
        counted(went)
    }
}

fn counted(went: i64) -> Result<u64> {
    u64::try_from(went).map_err(|_| StoreError::Inconsistent {
        table: "audit_chain",
        what: format!("{went} went"),
    })
}
