//! How long things are kept that only grow: what happened in runs, keys of requests, and what webhooks
//! were told. A reconciler
//! like the others: it may be ended anywhere and called from many servers at once.

use chrono::{DateTime, TimeDelta, Utc};
use freehold_model::TenantId;

use crate::{Engine, Result};

/// What is younger than this is kept, whatever is asked (`months_drop` holds it).
pub const KEPT_LEAST: TimeDelta = TimeDelta::days(7);
/// A key of a request is good for a day; as long again, since servers' clocks are not one clock.
const KEYS_KEPT: TimeDelta = TimeDelta::hours(48);
/// Tokens that are void are kept for so long, for whoever looks into what happened.
const VOID_KEPT: TimeDelta = TimeDelta::days(30);
/// Answers that are kept under keys are good for a day, by the database's one clock.
const ANSWERS_KEPT: TimeDelta = crate::once::KEPT;
/// Keys forgotten in one transaction: each is a write, and nobody shall wait for them.
const KEYS_AT_ONCE: i64 = 5000;
/// Live runs looked at in one go.
const LIVE_AT_ONCE: i64 = 500;

/// What a pass did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tidied {
    /// Months made.
    pub made: u32,
    /// Months dropped.
    pub dropped: Vec<String>,
    /// Keys forgotten.
    pub keys: u64,
    /// Tokens forgotten that were void.
    pub tokens: u64,
    /// Deliveries of webhooks forgotten.
    pub deliveries: u64,
    /// Runs ended whose people are members no more.
    pub runs: u64,
}

impl Engine {
    /// Makes room for the months to come, drops those that all ended longer than `keep` ago (never, where
    /// silent) and in which no run began that has not ended, forgets keys of requests and tokens that are
    /// void, and ends runs of former members that are left.
    ///
    /// # Errors
    /// [`crate::Error`]; the next pass does what this one did not.
    pub async fn tidy(&self, keep: Option<TimeDelta>) -> Result<Tidied> {
        let mut tidied = Tidied {
            made: self.store().months_make().await?,
            ..Tidied::default()
        };
        let old = match keep {
            Some(keep) => self.store().months_old(keep).await?,
            None => None,
        };
        let mut live = Vec::new();
        for tenant in self.store().tenants().await? {
            if let Some(old) = old {
                live.extend(self.began_and_live(tenant, old).await?);
            }
            tidied.runs += self.runs_end_of_former(tenant).await?;
            tidied.keys += self.forget_keys(tenant).await?;
            tidied.tokens += self.forget_tokens(tenant).await?;
            tidied.deliveries += self.forget_deliveries(tenant).await?;
        }
        if let Some(old) = old {
            tidied.dropped = self.store().months_drop(old, &live).await?;
        }
        Ok(tidied)
    }

    /// When runs began that have not ended, of those that began before then.
    async fn began_and_live(
        &self,
        tenant: TenantId,
        before: DateTime<Utc>,
    ) -> Result<Vec<DateTime<Utc>>> {
        let mut began = Vec::new();
        let mut after = None;
        loop {
            let mut tx = self.store().begin(tenant).await?;
            let runs = tx.run_live(None, after, LIVE_AT_ONCE).await?;
            tx.commit().await?;
            let old = runs.iter().map(|run| run.created());
            began.extend(old.take_while(|at| *at < before));
            after = runs.last().copied();
            if after.is_none_or(|last| last.created() >= before) {
                return Ok(began);
            }
        }
    }

    async fn forget_keys(&self, tenant: TenantId) -> Result<u64> {
        let mut forgotten = 0;
        loop {
            let mut tx = self.store().begin(tenant).await?;
            let before = tx.time() - KEYS_KEPT;
            let done = tx.idempotency_forget(before, KEYS_AT_ONCE).await?;
            let before = tx.time() - ANSWERS_KEPT;
            let answers = tx.requests_forget(before, KEYS_AT_ONCE).await?;
            tx.commit().await?;
            forgotten += done + answers;
            if done.max(answers) < KEYS_AT_ONCE.unsigned_abs() {
                return Ok(forgotten);
            }
        }
    }

    async fn forget_tokens(&self, tenant: TenantId) -> Result<u64> {
        let mut forgotten = 0;
        loop {
            let mut tx = self.store().begin(tenant).await?;
            let before = tx.time() - VOID_KEPT;
            let done = tx.tokens_forget(before, KEYS_AT_ONCE).await?;
            tx.commit().await?;
            forgotten += done;
            if done < KEYS_AT_ONCE.unsigned_abs() {
                return Ok(forgotten);
            }
        }
    }
}
