//! Webhooks: where an organization is told of what happens. What is sent: [`crate::webhook`].

use chrono::{DateTime, Utc};
use freehold_model::webhook::Event;
use freehold_model::{DeliveryId, WebhookId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema;

/// A webhook, to be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// Where to: an `https://` address in the public network, at port 443 or 8443.
    #[schema(max_length = 2000)]
    pub address: String,
    /// What it is told of; at least one.
    #[schema(value_type = Vec<schema::WebhookEvent>, min_items = 1, max_items = 64)]
    pub events: Vec<Event>,
}

/// What is to be other than it is; what is silent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditWebhook {
    /// Where to.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub address: Option<String>,
    /// What it is told of, in place of what it was.
    #[serde(default)]
    #[schema(value_type = Option<Vec<schema::WebhookEvent>>, min_items = 1, max_items = 64)]
    pub events: Option<Vec<Event>>,
    /// Whether nothing is sent. What happens meanwhile it is not told of; what waited goes on afterwards.
    #[serde(default)]
    pub paused: Option<bool>,
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Webhook {
    /// Its id.
    #[schema(value_type = schema::WebhookId)]
    pub id: WebhookId,
    /// Where to.
    pub address: String,
    /// What it is told of.
    #[schema(value_type = Vec<schema::WebhookEvent>)]
    pub events: Vec<Event>,
    /// Why nothing is sent: `person`, `gone` (it answered 410), `failing` (three days without a success);
    /// null while it is sent to.
    pub paused: Option<String>,
    /// Since when nothing is sent.
    pub paused_at: Option<DateTime<Utc>>,
    /// Since when every try has failed.
    pub failing_since: Option<DateTime<Utc>>,
    /// How many deliveries wait to be sent, or sent again.
    pub waiting: u32,
    /// The sequence of what it was told of last.
    pub last_sequence: u64,
    /// Until when what is sent is signed with the secret before the last rotation as well.
    pub old_secret_until: Option<DateTime<Utc>>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// A webhook whose secret is new.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookMade {
    /// What its receiver verifies with, shown this once.
    pub secret: String,
    /// What it is.
    pub about: Webhook,
}

/// What a webhook was told, or is to be told, of one thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookDelivery {
    /// Its id, which is sent as `webhook-id`: the same however often it is sent.
    #[schema(value_type = schema::DeliveryId)]
    pub id: DeliveryId,
    /// What happened.
    #[schema(value_type = schema::WebhookEvent)]
    pub event: Event,
    /// Counts up for each thing that the webhook is told of; what was left out leaves a gap.
    pub sequence: u64,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// `waiting`, `delivered` or `failed`.
    pub state: String,
    /// How often it was sent, or tried to be sent.
    pub tries: u32,
    /// When it was delivered or given up.
    pub done_at: Option<DateTime<Utc>>,
    /// When it is sent next; null where that is not to come, while it is on its way, and while the webhook
    /// is paused.
    pub next_try_at: Option<DateTime<Utc>>,
}

/// A delivery, with what is sent and what came of each try.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WebhookDeliveryShown {
    /// The delivery.
    pub about: WebhookDelivery,
    /// What is sent.
    #[schema(value_type = Object)]
    pub body: serde_json::Value,
    /// The tries, oldest first. One whose end nobody saw, as its server ended before, is not among them.
    pub attempts: Vec<WebhookAttempt>,
}

/// A try to deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookAttempt {
    /// Which one, from 1.
    pub n: u32,
    /// When it began.
    pub at: DateTime<Utc>,
    /// How long it took, in milliseconds.
    pub took_ms: u32,
    /// How it ended: `delivered`, `gone`, `redirected`, `refused`, `timed_out`, `unreachable`,
    /// `forbidden_address`, `sealed`. More may come.
    pub outcome: String,
    /// The answer's status.
    pub status: Option<u16>,
    /// The answer's first kilobyte, as text.
    pub answer: Option<String>,
}
