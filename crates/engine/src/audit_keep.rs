//! How long the audit log is kept. A reconciler like the others: it may be ended anywhere and called from
//! many servers at once. What goes is in the log itself, and nothing goes that is not signed.

use chrono::{DateTime, Datelike as _, Days, NaiveTime, TimeDelta, Utc};
use freehold_model::TenantId;
use freehold_store::{Oldest, Tx};
use freehold_wire::audit::{Cut, Hash, Place};

use crate::audit::own;
use crate::audit_chain::{place, signed, unwritable};
use crate::{Engine, Error, Result};

/// What is younger is kept, whatever is asked (`audit_cut` and `audit_fade` of the database hold it).
pub const SECURITY_LEAST: TimeDelta = TimeDelta::days(90);
/// The same of entries on who looked at what.
pub const READING_LEAST: TimeDelta = TimeDelta::days(7);
/// Entries that go in one transaction: each is a write, and nobody shall wait for them.
const AT_ONCE: i32 = 2000;

/// How long entries are kept, by class; for ever where silent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AuditKeep {
    /// All entries, and what is left of the others.
    pub security: Option<TimeDelta>,
    /// The words of entries on who looked at what.
    pub reading: Option<TimeDelta>,
}

/// What a pass let go.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct LetGo {
    /// Entries.
    pub entries: u64,
    /// Words of entries whose place stays.
    pub words: u64,
}

impl Engine {
    /// Lets go of what is older than is kept, in every tenant's log. Entries go by whole months, words by
    /// whole days: the log tells of each time that something goes, and shall not grow by that.
    ///
    /// # Errors
    /// [`Error`]; the next pass does what this one did not. One tenant's trouble is no other's.
    pub async fn audit_let_go(&self, keep: AuditKeep) -> Result<LetGo> {
        let mut all = LetGo::default();
        if keep == AuditKeep::default() {
            return Ok(all);
        }
        for tenant in self.store().tenants().await? {
            match self.audit_let_go_of(tenant, keep).await {
                Ok(some) => {
                    all.entries += some.entries;
                    all.words += some.words;
                }
                Err(Error::Store(error)) if error.is_away() => return Err(error.into()),
                Err(error) => {
                    tracing::error!(%tenant, %error, "what is old in the audit log is still there");
                }
            }
        }
        Ok(all)
    }

    async fn audit_let_go_of(&self, tenant: TenantId, keep: AuditKeep) -> Result<LetGo> {
        let mut went = LetGo::default();
        while let Some(keep) = keep.reading {
            let words = self.audit_fade(tenant, keep).await?;
            went.words += words;
            if words < u64::from(AT_ONCE.unsigned_abs()) {
                break;
            }
        }
        while let Some(keep) = keep.security {
            let entries = self.audit_cut(tenant, keep).await?;
            went.entries += entries;
            if entries < u64::from(AT_ONCE.unsigned_abs()) {
                break;
            }
        }
        Ok(went)
    }

    async fn audit_fade(&self, tenant: TenantId, keep: TimeDelta) -> Result<u64> {
        let mut tx = self.store().begin(tenant).await?;
        tx.audit_gate().await?;
        let before = day(tx.time() - keep.max(READING_LEAST));
        let words = tx.audit_fade(before, AT_ONCE).await?;
        if words > 0 {
            let what = format!(
                "words of {words} readings before {}",
                before.format("%Y-%m-%d")
            );
            self.audit_went(&mut tx, what);
        }
        tx.commit().await?;
        Ok(words)
    }

    async fn audit_cut(&self, tenant: TenantId, keep: TimeDelta) -> Result<u64> {
        let mut tx = self.store().begin(tenant).await?;
        tx.audit_gate().await?;
        let before = month(tx.time() - keep.max(SECURITY_LEAST));
        let is_old = |oldest: &Oldest| oldest.at < before;
        if !tx.audit_oldest(1).await?.iter().any(is_old) {
            return Ok(0);
        }
        let oldest = tx.audit_oldest(AT_ONCE.into()).await?;
        let Some(last) = oldest.iter().take_while(|one| is_old(one)).last() else {
            return Ok(0);
        };
        let began = tx.audit_began().await?;
        let began: Place = place(began.map(|(n, hash, _)| (n, hash)))?;
        let cut = Cut {
            tenant: tenant.to_string(),
            place: Place {
                n: last.n.unsigned_abs(),
                hash: Hash::from_bytes(&last.hash)
                    .ok_or_else(|| Error::Internal("a hash that is none".into()))?,
            },
            first: began.n + 1,
            before,
            at: tx.time(),
        };
        let keys = self.tenant_keys(&mut tx).await?;
        let envelope = serde_json::to_value(keys.sign_cut(&cut)?).map_err(unwritable)?;
        let n = signed(cut.place.n);
        let went = tx.audit_cut(n, &last.hash, cut.at, &envelope).await?;
        let what = format!("entries {} to {}", cut.first, cut.place.n);
        self.audit_went(&mut tx, what);
        tx.commit().await?;
        Ok(went)
    }

    fn audit_went(&self, tx: &mut Tx, what: String) {
        tx.audit_insert(own(self.now(), "audit.let_go", what, "retention"));
    }
}

/// When that day began.
fn day(at: DateTime<Utc>) -> DateTime<Utc> {
    at.date_naive().and_time(NaiveTime::MIN).and_utc()
}

/// When that month began.
fn month(at: DateTime<Utc>) -> DateTime<Utc> {
    let day = day(at);
    day.checked_sub_days(Days::new(day.day0().into()))
        .unwrap_or(day)
}
