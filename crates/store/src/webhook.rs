//! Webhooks, and what they were told. What is to be sent: [`crate::webhook_queue`].

use chrono::{DateTime, Utc};
use freehold_model::webhook::{Event, Paused};
use freehold_model::{DeliveryId, UserId, WebhookId};
use serde_json::Value;

use crate::{Hint, Noun, Result, Tx, stored};

/// A webhook.
#[derive(Debug, Clone)]
pub struct WebhookRow {
    /// Its id.
    pub id: WebhookId,
    /// Its address and secrets, sealed to the server.
    pub sealed: Vec<u8>,
    /// What it is told of.
    pub events: Vec<Event>,
    /// Why nothing is sent, and since when.
    pub paused: Option<(Paused, DateTime<Utc>)>,
    /// Since when nothing arrived.
    pub failing_since: Option<DateTime<Utc>>,
    /// The sequence of the last thing that it was told of.
    pub last_seq: i64,
    /// How much waits to be sent.
    pub waiting: i32,
    /// Who added it.
    pub by: UserId,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// What a webhook is told of one thing.
#[derive(Debug, Clone)]
pub struct DeliveryRow {
    /// Its id.
    pub id: DeliveryId,
    /// Whose it is.
    pub webhook: WebhookId,
    /// What happened.
    pub event: Event,
    /// Its place among what the webhook is told.
    pub seq: i64,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Ids, numbers, words of ours.
    pub facts: Value,
    /// `waiting`, `delivered` or `failed`.
    pub state: String,
    /// How often it was tried.
    pub tries: i32,
    /// How often before it was last asked for.
    pub tried_before: i32,
    /// When it was delivered or given up.
    pub done_at: Option<DateTime<Utc>>,
    /// When it is due, where it waits, is not on its way, and its webhook is not paused.
    pub due_at: Option<DateTime<Utc>>,
}

/// A try.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct AttemptRow {
    /// Which one, from 1.
    pub n: i32,
    /// When it began.
    pub at: DateTime<Utc>,
    /// How long it took.
    pub took_ms: i32,
    /// How it ended.
    pub outcome: String,
    /// The answer's status.
    pub status: Option<i32>,
    /// The beginning of the answer, sealed.
    pub answer: Option<Vec<u8>>,
}

#[derive(sqlx::FromRow)]
pub(crate) struct RawWebhook {
    id: uuid::Uuid,
    sealed: Vec<u8>,
    events: Vec<String>,
    paused: Option<String>,
    paused_at: Option<DateTime<Utc>>,
    failing_since: Option<DateTime<Utc>>,
    last_seq: i64,
    waiting: i32,
    by_user: uuid::Uuid,
    created_at: DateTime<Utc>,
}

impl RawWebhook {
    fn row(self) -> Result<WebhookRow> {
        let paused = match (self.paused, self.paused_at) {
            (Some(why), Some(at)) => Some((
                why.parse().map_err(|()| crate::StoreError::Inconsistent {
                    table: "webhooks",
                    what: why,
                })?,
                at,
            )),
            _ => None,
        };
        Ok(WebhookRow {
            id: WebhookId::from_uuid(self.id),
            sealed: self.sealed,
            // A word of a later version is one that this one sends nothing for.
            events: self.events.iter().filter_map(|e| e.parse().ok()).collect(),
            paused,
            failing_since: self.failing_since,
            last_seq: self.last_seq,
            waiting: self.waiting,
            by: UserId::from_uuid(self.by_user),
            created_at: self.created_at,
        })
    }
}

#[derive(sqlx::FromRow)]
pub(crate) struct RawDelivery {
    id: uuid::Uuid,
    webhook_id: uuid::Uuid,
    event: String,
    seq: i64,
    at: DateTime<Utc>,
    facts: Value,
    state: String,
    tries: i32,
    tried_before: i32,
    done_at: Option<DateTime<Utc>>,
    due_at: Option<DateTime<Utc>>,
}

impl RawDelivery {
    pub(crate) fn row(self) -> Result<DeliveryRow> {
        Ok(DeliveryRow {
            id: DeliveryId::from_uuid(self.id),
            webhook: WebhookId::from_uuid(self.webhook_id),
            event: stored("webhook_deliveries", &self.event)?,
            seq: self.seq,
            at: self.at,
            facts: self.facts,
            state: self.state,
            tries: self.tries,
            tried_before: self.tried_before,
            done_at: self.done_at,
            due_at: self.due_at,
        })
    }
}

impl Tx {
    /// Adds a webhook, unless there are `most` already.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn webhook_insert(&mut self, row: &WebhookRow, most: i64) -> Result<bool> {
        self.webhook_gate().await?;
        let events: Vec<&str> = row.events.iter().map(|event| event.word()).collect();
        let done = sqlx::query(
            "INSERT INTO webhooks (tenant_id, id, sealed, events, by_user, created_at)
             SELECT $1, $2, $3, $4, $5, $6
             WHERE (SELECT count(*) FROM webhooks WHERE tenant_id = $1 AND removed_at IS NULL) < $7",
        )
        .bind(self.tenant.uuid())
        .bind(row.id.uuid())
        .bind(&row.sealed)
        .bind(events)
        .bind(row.by.uuid())
        .bind(row.created_at)
        .bind(most)
        .execute(&mut *self.inner)
        .await?;
        self.hint(Hint::Settings(Noun::Webhook));
        Ok(done.rows_affected() == 1)
    }

    /// Whoever adds, removes or wakes a webhook of the tenant's, or takes what is due, is alone until the
    /// transaction ends.
    pub(crate) async fn webhook_gate(&mut self) -> Result<()> {
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
            .bind(format!("webhooks of {}", self.tenant))
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Webhooks, oldest first.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn webhook_list(
        &mut self,
        after: Option<WebhookId>,
        limit: i64,
    ) -> Result<Vec<WebhookRow>> {
        let raw: Vec<RawWebhook> = sqlx::query_as(
            "SELECT id, sealed, events, paused, paused_at, failing_since, last_seq, waiting, by_user, created_at
             FROM webhooks WHERE tenant_id = $1 AND removed_at IS NULL AND id > $2
             ORDER BY id LIMIT $3",
        )
        .bind(self.tenant.uuid())
        .bind(after.map_or(uuid::Uuid::nil(), WebhookId::uuid))
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        raw.into_iter().map(RawWebhook::row).collect()
    }

    /// A webhook.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn webhook_get(&mut self, id: WebhookId) -> Result<Option<WebhookRow>> {
        let raw: Option<RawWebhook> = sqlx::query_as(
            "SELECT id, sealed, events, paused, paused_at, failing_since, last_seq, waiting, by_user, created_at
             FROM webhooks WHERE tenant_id = $1 AND id = $2 AND removed_at IS NULL",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .fetch_optional(&mut *self.inner)
        .await?;
        raw.map(RawWebhook::row).transpose()
    }

    /// A webhook, held until the transaction ends.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn webhook_lock(&mut self, id: WebhookId) -> Result<Option<WebhookRow>> {
        let raw: Option<RawWebhook> = sqlx::query_as(
            "SELECT id, sealed, events, paused, paused_at, failing_since, last_seq, waiting, by_user, created_at
             FROM webhooks WHERE tenant_id = $1 AND id = $2 AND removed_at IS NULL FOR NO KEY UPDATE",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .fetch_optional(&mut *self.inner)
        .await?;
        raw.map(RawWebhook::row).transpose()
    }

    /// Writes what people say of a webhook that is held, and whether it is sent to. One that is not
    /// paused goes on with what waits.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn webhook_put(&mut self, row: &WebhookRow) -> Result<()> {
        let events: Vec<&str> = row.events.iter().map(|event| event.word()).collect();
        sqlx::query(
            "UPDATE webhooks SET sealed = $3, events = $4, paused = $5, paused_at = $6, failing_since = $7
             WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.tenant.uuid())
        .bind(row.id.uuid())
        .bind(&row.sealed)
        .bind(events)
        .bind(row.paused.map(|(why, _)| why.word()))
        .bind(row.paused.map(|(_, at)| at))
        .bind(row.failing_since)
        .execute(&mut *self.inner)
        .await?;
        self.hint(Hint::Settings(Noun::Webhook));
        Ok(())
    }

    /// What waited while the webhook was paused is due now. Take the gate before the row.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn webhook_wake(&mut self, id: WebhookId) -> Result<()> {
        sqlx::query(
            "UPDATE queue_webhooks SET due_at = $3, taken = false
             WHERE tenant_id = $1 AND webhook_id = $2 AND due_at = 'infinity'",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(self.time)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// As [`Self::webhook_lock`], with those kept out who take what is due.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn webhook_lock_alone(&mut self, id: WebhookId) -> Result<Option<WebhookRow>> {
        self.webhook_gate().await?;
        self.webhook_lock(id).await
    }

    /// Removes a webhook: its secrets are forgotten, and nothing more is sent. False where there is none.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn webhook_remove(&mut self, id: WebhookId, at: DateTime<Utc>) -> Result<bool> {
        self.webhook_gate().await?;
        let done = sqlx::query(
            "UPDATE webhooks SET removed_at = $3, sealed = '', waiting = 0
             WHERE tenant_id = $1 AND id = $2 AND removed_at IS NULL",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(at)
        .execute(&mut *self.inner)
        .await?;
        sqlx::query("DELETE FROM queue_webhooks WHERE tenant_id = $1 AND webhook_id = $2")
            .bind(self.tenant.uuid())
            .bind(id.uuid())
            .execute(&mut *self.inner)
            .await?;
        self.hint(Hint::Settings(Noun::Webhook));
        Ok(done.rows_affected() == 1)
    }

    /// What a webhook was told before `before`, newest first.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn delivery_list(
        &mut self,
        webhook: WebhookId,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<DeliveryRow>> {
        let raw: Vec<RawDelivery> = sqlx::query_as(
            "SELECT d.id, d.webhook_id, d.event, d.seq, d.at, d.facts, d.state, d.tries, d.tried_before, d.done_at,
                    CASE WHEN isfinite(q.due_at) AND NOT q.taken THEN q.due_at END AS due_at
             FROM webhook_deliveries d
             LEFT JOIN queue_webhooks q ON q.tenant_id = d.tenant_id AND q.delivery_id = d.id
             WHERE d.tenant_id = $1 AND d.webhook_id = $2 AND d.seq < $3 ORDER BY d.seq DESC LIMIT $4",
        )
        .bind(self.tenant.uuid())
        .bind(webhook.uuid())
        .bind(before.unwrap_or(i64::MAX))
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        raw.into_iter().map(RawDelivery::row).collect()
    }

    /// One of them.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn delivery_get(
        &mut self,
        webhook: WebhookId,
        id: DeliveryId,
    ) -> Result<Option<DeliveryRow>> {
        let raw: Option<RawDelivery> = sqlx::query_as(
            "SELECT d.id, d.webhook_id, d.event, d.seq, d.at, d.facts, d.state, d.tries, d.tried_before, d.done_at,
                    CASE WHEN isfinite(q.due_at) AND NOT q.taken THEN q.due_at END AS due_at
             FROM webhook_deliveries d
             LEFT JOIN queue_webhooks q ON q.tenant_id = d.tenant_id AND q.delivery_id = d.id
             WHERE d.tenant_id = $1 AND d.webhook_id = $2 AND d.id = $3",
        )
        .bind(self.tenant.uuid())
        .bind(webhook.uuid())
        .bind(id.uuid())
        .fetch_optional(&mut *self.inner)
        .await?;
        raw.map(RawDelivery::row).transpose()
    }

    /// The last tries of a delivery, oldest first.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn attempt_list(&mut self, id: DeliveryId, most: i64) -> Result<Vec<AttemptRow>> {
        let mut rows: Vec<AttemptRow> = sqlx::query_as(
            "SELECT n, at, took_ms, outcome, status, answer FROM webhook_attempts
             WHERE tenant_id = $1 AND delivery_id = $2 ORDER BY n DESC LIMIT $3",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(most)
        .fetch_all(&mut *self.inner)
        .await?;
        rows.reverse();
        Ok(rows)
    }
}
