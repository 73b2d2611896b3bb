//! What webhooks are to be sent. Written in the statement that ends the change's transaction, taken by
//! one server at a time, and due again by itself where whoever took it was lost.

use chrono::{DateTime, TimeDelta, Utc};
use freehold_model::webhook::{Event, Outcome, Paused};
use freehold_model::{DeliveryId, HappeningId, TenantId, WebhookId};
use serde_json::Value;

use crate::hint::CHANNEL;
use crate::webhook::{DeliveryRow, RawDelivery, WebhookRow};
use crate::{Result, Store, Tx};

/// Most deliveries of a webhook that wait: what happens while there are more it is not told of, and its
/// sequence has a gap.
pub const WAITING_MAX: i32 = 10_000;

/// Something that happened, for those webhooks that want to be told.
#[derive(Debug, Clone)]
pub struct NewHappening {
    /// Its id: with a webhook's it makes the delivery's.
    pub id: HappeningId,
    /// What.
    pub event: Event,
    /// When.
    pub at: DateTime<Utc>,
    /// Ids, numbers, words of ours. No content.
    pub facts: Value,
}

/// A delivery that was taken, to be sent now.
#[derive(Debug, Clone)]
pub struct TakenDelivery {
    /// The delivery; its `tries` count this one.
    pub delivery: DeliveryRow,
    /// The webhook's address and secrets, sealed to the server.
    pub sealed: Vec<u8>,
}

/// How a try ended.
#[derive(Debug, Clone)]
pub struct Tried {
    /// Of which delivery.
    pub delivery: DeliveryId,
    /// Which try.
    pub n: i32,
    /// When it began.
    pub at: DateTime<Utc>,
    /// How long it took.
    pub took_ms: i32,
    /// How it ended.
    pub outcome: Outcome,
    /// The answer's status.
    pub status: Option<u16>,
    /// The beginning of the answer, sealed.
    pub answer: Option<Vec<u8>>,
    /// When it is tried again; never, where silent.
    pub again_at: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
struct RawTaken {
    #[sqlx(flatten)]
    delivery: RawDelivery,
    sealed: Vec<u8>,
}

/// Longer than any lease of a delivery that is being sent; `queue_webhook_tenants` has the same.
const TAKEN_MOST: TimeDelta = TimeDelta::minutes(10);
/// Longer than anything waits for its next try; `queue_webhook_tenants` has the same.
const PUT_OFF_MOST: TimeDelta = TimeDelta::hours(27);

impl Store {
    /// Tenants behind `after` with something to send, in order, at most `most`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn webhook_tenants(
        &self,
        after: Option<TenantId>,
        most: i32,
    ) -> Result<Vec<TenantId>> {
        let rows: Vec<uuid::Uuid> =
            sqlx::query_scalar("SELECT * FROM queue_webhook_tenants($1, $2, $3)")
                .bind(after.map_or(uuid::Uuid::nil(), TenantId::uuid))
                .bind(most)
                .bind(self.turned())
                .fetch_all(&self.pool)
                .await?;
        Ok(rows.into_iter().map(TenantId::from_uuid).collect())
    }
}

impl Tx {
    /// Something happened: webhooks that want to know are told after the commit. Costs no statement of
    /// its own.
    pub fn webhook_tell(&mut self, happening: NewHappening) {
        self.later.happenings.push(happening);
    }

    /// The last statement of a transaction in which something happened: what webhooks are told of it, and
    /// all hints. Rows of webhooks are held in the order of their ids, and nothing is waited for behind
    /// them.
    pub(crate) async fn write_happenings(
        &mut self,
        happenings: Vec<NewHappening>,
        hints: Vec<String>,
    ) -> Result<()> {
        let ids: Vec<uuid::Uuid> = happenings.iter().map(|h| h.id.uuid()).collect();
        let events: Vec<&str> = happenings.iter().map(|h| h.event.word()).collect();
        let ats: Vec<DateTime<Utc>> = happenings.iter().map(|h| h.at).collect();
        let facts: Vec<&Value> = happenings.iter().map(|h| &h.facts).collect();
        sqlx::query(
            "WITH e AS (
                 SELECT * FROM unnest($2::uuid[], $3::text[], $4::timestamptz[], $5::jsonb[]) WITH ORDINALITY
                     AS e (id, event, at, facts, place)),
             wants AS (
                 SELECT w.id AS webhook, w.events, w.last_seq, w.waiting FROM webhooks w
                 WHERE w.tenant_id = $1 AND w.paused IS NULL AND w.removed_at IS NULL AND w.events && $3::text[]
                 ORDER BY w.id FOR NO KEY UPDATE),
             told AS (
                 SELECT encode(substr(sha256(convert_to(e.id::text || w.webhook::text, 'UTF8')), 1, 16), 'hex')::uuid
                            AS delivery,
                        w.webhook, e.event, e.at, e.facts, w.last_seq, w.waiting,
                        row_number() OVER (PARTITION BY w.webhook ORDER BY e.place) AS n
                 FROM wants w JOIN e ON e.event = ANY (w.events)),
             counted AS (
                 UPDATE webhooks u
                 SET last_seq = u.last_seq + m.many,
                     waiting = u.waiting + greatest(0, least(m.many, $6 - u.waiting))::integer
                 FROM (SELECT webhook, count(*) AS many FROM told GROUP BY webhook) m
                 WHERE u.tenant_id = $1 AND u.id = m.webhook),
             kept AS (SELECT * FROM told WHERE waiting + n <= $6),
             written AS (
                 INSERT INTO webhook_deliveries (tenant_id, id, webhook_id, event, seq, at, facts)
                 SELECT $1, delivery, webhook, event, last_seq + n, at, facts FROM kept),
             queued AS (
                 INSERT INTO queue_webhooks (tenant_id, webhook_id, delivery_id, due_at)
                 SELECT $1, webhook, delivery, $7 FROM kept)
             SELECT pg_notify($8, said) FROM unnest($9::text[]) AS said",
        )
        .bind(self.tenant.uuid())
        .bind(ids)
        .bind(events)
        .bind(ats)
        .bind(facts)
        .bind(WAITING_MAX)
        .bind(self.time)
        .bind(CHANNEL)
        .bind(hints)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Tells one webhook, which is held, of something, whatever it wants to be told of.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn delivery_insert(
        &mut self,
        webhook: &WebhookRow,
        id: DeliveryId,
        event: Event,
        facts: &Value,
    ) -> Result<()> {
        sqlx::query(
            "WITH counted AS (
                 UPDATE webhooks SET last_seq = last_seq + 1, waiting = waiting + 1
                 WHERE tenant_id = $1 AND id = $2),
             written AS (
                 INSERT INTO webhook_deliveries (tenant_id, id, webhook_id, event, seq, at, facts)
                 VALUES ($1, $3, $2, $4, $5, $6, $7))
             INSERT INTO queue_webhooks (tenant_id, webhook_id, delivery_id, due_at) VALUES ($1, $2, $3, $6)",
        )
        .bind(self.tenant.uuid())
        .bind(webhook.id.uuid())
        .bind(id.uuid())
        .bind(event.word())
        .bind(webhook.last_seq + 1)
        .bind(self.time)
        .bind(facts)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// A delivery that was delivered or given up is sent once more, under the same id. Its webhook is held.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn delivery_again(&mut self, delivery: &DeliveryRow) -> Result<()> {
        sqlx::query(
            "WITH counted AS (
                 UPDATE webhooks SET waiting = waiting + 1 WHERE tenant_id = $1 AND id = $2),
             written AS (
                 UPDATE webhook_deliveries SET state = 'waiting', done_at = NULL, tried_before = tries
                 WHERE tenant_id = $1 AND id = $3)
             INSERT INTO queue_webhooks (tenant_id, webhook_id, delivery_id, due_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(self.tenant.uuid())
        .bind(delivery.webhook.uuid())
        .bind(delivery.id.uuid())
        .bind(self.time)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Takes what is due, `most` at most and of one webhook no more than `each` that are on their way, at
    /// whichever server: nobody else takes it before `lease` is over. Nothing where another server takes
    /// of this tenant's at this moment. What is due of paused webhooks is put aside until they are not.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn delivery_take(
        &mut self,
        most: i64,
        each: i64,
        lease: TimeDelta,
    ) -> Result<Vec<TakenDelivery>> {
        let is_alone: bool =
            sqlx::query_scalar("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))")
                .bind(format!("webhooks of {}", self.tenant))
                .fetch_one(&mut *self.inner)
                .await?;
        if !is_alone {
            return Ok(Vec::new());
        }
        sqlx::query(
            "UPDATE queue_webhooks q SET due_at = 'infinity', taken = false FROM webhooks w
             WHERE q.tenant_id = $1 AND q.due_at <= $2 AND w.tenant_id = $1 AND w.id = q.webhook_id
               AND w.paused IS NOT NULL",
        )
        .bind(self.tenant.uuid())
        .bind(self.time)
        .execute(&mut *self.inner)
        .await?;
        // What lies further ahead than anything is ever put off was put there by a clock that has stepped back
        // since: it is due.
        sqlx::query(
            "UPDATE queue_webhooks SET due_at = $2, taken = false
             WHERE tenant_id = $1 AND due_at < 'infinity'
               AND due_at > $2 + CASE WHEN taken THEN $3 ELSE $4 END",
        )
        .bind(self.tenant.uuid())
        .bind(self.time)
        .bind(TAKEN_MOST)
        .bind(PUT_OFF_MOST)
        .execute(&mut *self.inner)
        .await?;
        let raw: Vec<RawTaken> = sqlx::query_as(
            "WITH busy AS (
                 SELECT webhook_id, count(*) AS n FROM queue_webhooks
                 WHERE tenant_id = $1 AND taken AND due_at > $2 GROUP BY webhook_id),
             line AS (
                 SELECT l.delivery_id FROM webhooks w LEFT JOIN busy b ON b.webhook_id = w.id
                 CROSS JOIN LATERAL (
                     SELECT q.delivery_id, q.due_at FROM queue_webhooks q
                     WHERE q.tenant_id = $1 AND q.webhook_id = w.id AND q.due_at <= $2
                     ORDER BY q.due_at LIMIT greatest(0, $4 - coalesce(b.n, 0))) l
                 WHERE w.tenant_id = $1 AND w.removed_at IS NULL AND w.paused IS NULL
                 ORDER BY l.due_at LIMIT $3),
             took AS (
                 UPDATE queue_webhooks q SET taken = true, due_at = $2 + $5 FROM line
                 WHERE q.tenant_id = $1 AND q.delivery_id = line.delivery_id
                 RETURNING q.delivery_id, q.due_at),
             counted AS (
                 UPDATE webhook_deliveries d SET tries = d.tries + 1 FROM took
                 WHERE d.tenant_id = $1 AND d.id = took.delivery_id
                 RETURNING d.id, d.webhook_id, d.event, d.seq, d.at, d.facts, d.state, d.tries, d.tried_before,
                           d.done_at, took.due_at)
             SELECT d.*, w.sealed FROM counted d JOIN webhooks w ON w.tenant_id = $1 AND w.id = d.webhook_id
             ORDER BY d.webhook_id, d.seq",
        )
        .bind(self.tenant.uuid())
        .bind(self.time)
        .bind(most)
        .bind(each)
        .bind(lease)
        .fetch_all(&mut *self.inner)
        .await?;
        let taken = raw.into_iter().map(|raw| {
            Ok(TakenDelivery {
                delivery: raw.delivery.row()?,
                sealed: raw.sealed,
            })
        });
        taken.collect()
    }

    /// Notes how a try ended. The webhook is held. A try that was given up for lost, and taken anew
    /// meanwhile, says nothing but that it arrived.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn delivery_tried(&mut self, webhook: &WebhookRow, tried: &Tried) -> Result<()> {
        sqlx::query(
            "INSERT INTO webhook_attempts (tenant_id, delivery_id, n, at, took_ms, outcome, status, answer)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8
             WHERE EXISTS (SELECT 1 FROM webhook_deliveries WHERE tenant_id = $1 AND id = $2)
             ON CONFLICT (tenant_id, delivery_id, n) DO NOTHING",
        )
        .bind(self.tenant.uuid())
        .bind(tried.delivery.uuid())
        .bind(tried.n)
        .bind(tried.at)
        .bind(tried.took_ms)
        .bind(tried.outcome.word())
        .bind(tried.status.map(i32::from))
        .bind(&tried.answer)
        .execute(&mut *self.inner)
        .await?;
        let has_arrived = tried.outcome == Outcome::Delivered;
        if let (Some(again_at), false) = (tried.again_at, has_arrived) {
            sqlx::query(
                "UPDATE queue_webhooks q SET due_at = $4, taken = false FROM webhook_deliveries d
                 WHERE q.tenant_id = $1 AND q.delivery_id = $2 AND d.tenant_id = $1 AND d.id = $2 AND d.tries = $3",
            )
            .bind(self.tenant.uuid())
            .bind(tried.delivery.uuid())
            .bind(tried.n)
            .bind(again_at)
            .execute(&mut *self.inner)
            .await?;
        } else {
            sqlx::query(
                "WITH done AS (
                     UPDATE webhook_deliveries SET state = $4, done_at = $5
                     WHERE tenant_id = $1 AND id = $2 AND state = 'waiting' AND (tries = $3 OR $4 = 'delivered')
                     RETURNING id),
                 left_out AS (
                     DELETE FROM queue_webhooks q USING done
                     WHERE q.tenant_id = $1 AND q.delivery_id = done.id RETURNING q.delivery_id)
                 UPDATE webhooks SET waiting = waiting - 1
                 WHERE tenant_id = $1 AND id = $6 AND EXISTS (SELECT 1 FROM left_out)",
            )
            .bind(self.tenant.uuid())
            .bind(tried.delivery.uuid())
            .bind(tried.n)
            .bind(if has_arrived { "delivered" } else { "failed" })
            .bind(self.time)
            .bind(webhook.id.uuid())
            .execute(&mut *self.inner)
            .await?;
        }
        Ok(())
    }

    /// Writes how a webhook, which is held, fares.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn webhook_fares(
        &mut self,
        id: WebhookId,
        failing_since: Option<DateTime<Utc>>,
        paused: Option<Paused>,
    ) -> Result<()> {
        sqlx::query(
            "UPDATE webhooks SET failing_since = $3, paused = coalesce(paused, $4),
                    paused_at = CASE WHEN paused IS NULL AND $4 IS NOT NULL THEN $5 ELSE paused_at END
             WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(failing_since)
        .bind(paused.map(Paused::word))
        .bind(self.time)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Forgets what webhooks were told of before then, sent or not, and webhooks that were removed before
    /// then. Gives how many deliveries; call it again while they are `most`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn delivery_forget(&mut self, before: DateTime<Utc>, most: i64) -> Result<u64> {
        let done = sqlx::query(
            "WITH old AS (
                 SELECT id FROM webhook_deliveries WHERE tenant_id = $1 AND at < $2 ORDER BY at LIMIT $3),
             unsent AS (
                 DELETE FROM queue_webhooks q USING old WHERE q.tenant_id = $1 AND q.delivery_id = old.id
                 RETURNING q.webhook_id),
             counted AS (
                 UPDATE webhooks w SET waiting = w.waiting - u.many::integer
                 FROM (SELECT webhook_id, count(*) AS many FROM unsent GROUP BY webhook_id) u
                 WHERE w.tenant_id = $1 AND w.id = u.webhook_id)
             DELETE FROM webhook_deliveries d USING old WHERE d.tenant_id = $1 AND d.id = old.id",
        )
        .bind(self.tenant.uuid())
        .bind(before)
        .bind(most)
        .execute(&mut *self.inner)
        .await?;
        sqlx::query(
            "DELETE FROM webhooks w WHERE w.tenant_id = $1 AND w.removed_at < $2 AND NOT EXISTS (
                 SELECT 1 FROM webhook_deliveries d WHERE d.tenant_id = $1 AND d.webhook_id = w.id)",
        )
        .bind(self.tenant.uuid())
        .bind(before)
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected())
    }
}
