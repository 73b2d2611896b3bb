//! Sends what webhooks are told: at least once, under one id, until it arrives, the webhook is gone, or
//! three days are over. Any number of servers do so at once; what one took and lost is due again.

use chrono::{DateTime, TimeDelta, Utc};
use freehold_model::TenantId;
use freehold_model::webhook::{Next, Outcome, Paused, next, pauses};
use freehold_model::world::random;
use freehold_store::{NewAudit, TakenDelivery, Tried, Tx, WebhookRow};
use freehold_wire::content::Place;
use freehold_wire::webhook::signatures;

use crate::webhook::{ANSWER, Carried, Parcel, told};
use crate::{Engine, Error, Result};

/// Deliveries of one webhook that are on their way at a time, at all servers: a receiver that is slow is
/// not buried.
const EACH: i64 = 4;
/// Whoever took a delivery says within this what came of it: four times the longest that a try may take.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// How long it is kept what webhooks were told.
const KEPT: TimeDelta = TimeDelta::days(30);
/// Deliveries forgotten in one transaction.
const FORGOTTEN_AT_ONCE: i64 = 5000;
/// How much of an answer is kept: what a person needs to see why.
pub const ANSWER_MAX: usize = 1024;

impl Engine {
    /// Takes up to `most` deliveries of a tenant's that are due; each is then to be given to
    /// [`Engine::webhook_deliver`].
    ///
    /// # Errors
    /// [`Error`].
    pub async fn webhook_take(&self, tenant: TenantId, most: u32) -> Result<Vec<TakenDelivery>> {
        let mut tx = self.store().begin(tenant).await?;
        let taken = tx.delivery_take(i64::from(most), EACH, LEASE).await?;
        tx.commit().await?;
        Ok(taken)
    }

    /// Sends a delivery that was taken, and notes what came of it. Where that cannot be noted, it is sent
    /// again, under the same id.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn webhook_deliver(&self, tenant: TenantId, taken: TakenDelivery) -> Result<()> {
        let began = self.now();
        let mut sent_to = None;
        let carried = match self.parcel(tenant, &taken, began) {
            Ok(parcel) => match &self.parts.carrier {
                Some(carrier) => {
                    sent_to = Some(parcel.address.clone());
                    carrier.carry(parcel).await
                }
                None => return Ok(()),
            },
            Err(error) => {
                tracing::error!(%tenant, %error, "a webhook cannot be read");
                Carried {
                    outcome: Outcome::Sealed,
                    status: None,
                    answer: Vec::new(),
                    took: std::time::Duration::ZERO,
                }
            }
        };
        let mut tx = self.store().begin(tenant).await?;
        let Some(webhook) = tx.webhook_lock(taken.delivery.webhook).await? else {
            // Removed meanwhile.
            return Ok(());
        };
        let outcome = carried.outcome;
        let tried = self.tried(&mut tx, &webhook, &taken, carried, began);
        let is_given_up = tried.await? == Next::GivenUp;
        // What another address said, before the webhook was moved, says nothing about this one.
        let there = self.open_webhook(tenant, webhook.id, &webhook.sealed).ok();
        let is_moved =
            matches!((&sent_to, &there), (Some(sent), Some(now)) if *sent != now.address);
        if !is_moved {
            self.fares(&mut tx, &webhook, outcome, is_given_up).await?;
        }
        Ok(tx.commit().await?)
    }

    fn parcel(&self, tenant: TenantId, taken: &TakenDelivery, at: DateTime<Utc>) -> Result<Parcel> {
        let row = &taken.delivery;
        let inside = self.open_webhook(tenant, row.webhook, &taken.sealed)?;
        let body = told(tenant, row)
            .body()
            .map_err(|error| Error::Internal(format!("{}: {error}", row.id)))?;
        let timestamp = at.timestamp();
        Ok(Parcel {
            tenant,
            signature: signatures(&inside.secrets(at), row.id, timestamp, &body),
            id: row.id.to_string(),
            address: inside.address,
            timestamp,
            body,
        })
    }

    async fn tried(
        &self,
        tx: &mut Tx,
        webhook: &WebhookRow,
        taken: &TakenDelivery,
        carried: Carried,
        began: DateTime<Utc>,
    ) -> Result<Next> {
        let row = &taken.delivery;
        let outcome = carried.outcome;
        let now = tx.time();
        let tries = u32::try_from(row.tries - row.tried_before).unwrap_or(u32::MAX);
        let [dice] = random::<1>(self.entropy());
        let next = next(outcome, tries, dice);
        let answer = match carried.answer.is_empty() {
            true => None,
            false => {
                let keys = self.tenant_keys(tx).await?;
                let n = u64::try_from(row.tries).unwrap_or(0);
                let place = Place::new(tx.tenant(), row.id, ANSWER, n);
                let begins = &carried.answer[..carried.answer.len().min(ANSWER_MAX)];
                let text = String::from_utf8_lossy(begins);
                Some(keys.seal(self, &place, text.as_bytes())?)
            }
        };
        let tried = Tried {
            delivery: row.id,
            n: row.tries,
            at: began,
            took_ms: i32::try_from(carried.took.as_millis()).unwrap_or(i32::MAX),
            outcome,
            status: carried.status,
            answer,
            again_at: match next {
                Next::Again(wait) => Some(now + wait),
                Next::Delivered | Next::GivenUp => None,
            },
        };
        tx.delivery_tried(webhook, &tried).await?;
        Ok(next)
    }

    /// Writes down how a webhook fares after a try, and pauses one that has failed for long.
    async fn fares(
        &self,
        tx: &mut Tx,
        webhook: &WebhookRow,
        outcome: Outcome,
        is_given_up: bool,
    ) -> Result<()> {
        let now = tx.time();
        let mut failing_since = match outcome {
            Outcome::Delivered => None,
            _ => webhook.failing_since.or(Some(now)),
        };
        let pauses = pauses(outcome, failing_since, now).filter(|_| webhook.paused.is_none());
        // Given up, and nothing else waits: until the next one nobody can say that it fails.
        if is_given_up && webhook.waiting <= 1 && pauses.is_none() {
            failing_since = None;
        }
        if pauses.is_some() || failing_since != webhook.failing_since {
            tx.webhook_fares(webhook.id, failing_since, pauses).await?;
        }
        if let Some(why) = pauses {
            tracing::warn!(tenant = %tx.tenant(), webhook = %webhook.id, why = why.word(), "a webhook is paused");
            tx.audit_insert(paused(self.now(), webhook, why));
            tx.hint(crate::Hint::Settings(crate::Noun::Webhook));
        }
        Ok(())
    }

    /// Forgets what a tenant's webhooks were told long ago. Gives how many deliveries.
    pub(crate) async fn forget_deliveries(&self, tenant: TenantId) -> Result<u64> {
        let mut forgotten = 0;
        loop {
            let mut tx = self.store().begin(tenant).await?;
            let before = tx.time() - KEPT;
            let done = tx.delivery_forget(before, FORGOTTEN_AT_ONCE).await?;
            tx.commit().await?;
            forgotten += done;
            if done < FORGOTTEN_AT_ONCE.unsigned_abs() {
                return Ok(forgotten);
            }
        }
    }
}

/// What the server itself did.
fn paused(at: DateTime<Utc>, webhook: &WebhookRow, why: Paused) -> NewAudit {
    NewAudit {
        at,
        actor: "server".to_owned(),
        action: "webhook.pause".to_owned(),
        resource: webhook.id.to_string(),
        purpose: why.word().to_owned(),
        outcome: freehold_store::Outcome::Done,
        correlation: String::new(),
        address: String::new(),
    }
}
