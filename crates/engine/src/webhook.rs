//! Webhooks: where an organization is told of what happens. What is told is free of content by design:
//! ids, times, numbers and words of ours; who is told asks the API for what they may see. How it is sent:
//! [`crate::webhook_send`].

use std::time::Duration;

use freehold_model::run::Effect;
use freehold_model::webhook::{Event, Outcome, Paused};
use freehold_model::{CardId, DeliveryId, Lane, TenantId, WebhookId};
use freehold_store::{DeliveryRow, NewHappening, RunRow, Tx, WebhookRow};
use freehold_wire::api::{
    EditWebhook, NewWebhook, Page, Webhook, WebhookAttempt, WebhookDelivery, WebhookDeliveryShown,
    WebhookMade,
};
use freehold_wire::problem::{Code, Problem};
use freehold_wire::webhook::{Secret, Told};
use serde_json::{Value, json};

use crate::project::{page, shorten};
use crate::tag::{self, Expected};
use crate::webhook_secret::Inside;
use crate::{Answer, Caller, Engine, Error, Result, refuse};

/// Webhooks of an organization: each is one more row for everything that happens.
const WEBHOOKS_MAX: i64 = 20;
/// Longest address: what any server takes.
const ADDRESS_MAX: usize = 2000;
/// Tries of a delivery that are shown, the last ones.
const ATTEMPTS_SHOWN: i64 = 100;

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// Whose it is: none of them has others wait.
    pub tenant: TenantId,
    /// Where to.
    pub address: String,
    /// The delivery's id.
    pub id: String,
    /// When, in seconds since 1970.
    pub timestamp: i64,
    /// The signatures over id, time and body.
    pub signature: String,
    /// JSON.
    pub body: Vec<u8>,
}

/// What came of sending it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// How it ended.
    pub outcome: Outcome,
    /// The answer's status.
    pub status: Option<u16>,
    /// The beginning of the answer.
    pub answer: Vec<u8>,
    /// How long it took.
    pub took: Duration,
}

/// The way out for what webhooks are told. `server` implements it over HTTP.
pub trait Carrier: Send + Sync + 'static {
    /// Reads an address; nothing is looked up. Gives it as it is kept.
    ///
    /// # Errors
    /// Why it is not one that is sent to, in words that a person reads.
    fn check(&self, address: &str) -> std::result::Result<String, String>;
    /// Sends, within a bounded time.
    fn carry(&self, parcel: Parcel) -> Answer<'_, Carried>;
}

impl Engine {
    /// Something happened: webhooks that want to know are told when `tx` is committed. `facts` are ids,
    /// numbers and words of ours.
    pub(crate) fn happened(&self, tx: &mut Tx, event: Event, facts: Value) {
        let at = self.now();
        let id = self.new_id();
        tx.webhook_tell(NewHappening {
            id,
            event,
            at,
            facts,
        });
    }

    /// A run's life went on.
    pub(crate) fn run_happened(&self, tx: &mut Tx, row: &RunRow, effect: Effect) {
        let life = &row.life;
        let event = match effect {
            Effect::Entered(state) => Event::of_run(state, life.reason, life.landed.is_some()),
            Effect::Lost | Effect::Away | Effect::Stop => None,
        };
        if let Some(event) = event {
            let facts = json!({
                "run": row.id, "card": row.card, "project": row.project, "state": life.state,
                "reason": life.reason, "epoch": life.epoch, "attempt": life.attempt,
            });
            self.happened(tx, event, facts);
        }
    }

    /// A card came to another lane.
    pub(crate) fn card_happened(&self, tx: &mut Tx, card: CardId, (from, to): (Lane, Lane)) {
        let facts = json!({ "card": card, "from": from.name(), "to": to.name() });
        self.happened(tx, Event::CardMoved, facts);
    }

    fn purpose(tenant: TenantId, id: WebhookId) -> String {
        format!("webhook/{tenant}/{id}")
    }

    fn seal_webhook(&self, tenant: TenantId, id: WebhookId, inside: &Inside) -> Result<Vec<u8>> {
        let plain = serde_json::to_vec(inside)
            .map(zeroize::Zeroizing::new)
            .map_err(|_| Error::Internal("a webhook cannot be written".into()))?;
        self.keys()
            .seal()
            .public()
            .seal(&Self::purpose(tenant, id), &plain, self.entropy())
            .map_err(|_| Error::Internal("the server's key is malformed".into()))
    }

    pub(crate) fn open_webhook(
        &self,
        tenant: TenantId,
        id: WebhookId,
        sealed: &[u8],
    ) -> Result<Inside> {
        let plain = self.keys().seal().open(&Self::purpose(tenant, id), sealed);
        let plain = plain.map_err(|_| Error::Internal(format!("{id} is sealed to another key")))?;
        serde_json::from_slice(&plain)
            .map_err(|_| Error::Internal(format!("{id} is of another version")))
    }

    fn address(&self, given: &str) -> Result<String> {
        let Some(carrier) = &self.parts.carrier else {
            return refuse(Code::Unavailable, "this server sends nothing to webhooks");
        };
        if given.len() > ADDRESS_MAX {
            let why = format!("an address has at most {ADDRESS_MAX} bytes");
            return refuse(Code::Invalid, why);
        }
        carrier.check(given).map_err(|why| {
            Problem::new(Code::Invalid, why)
                .next("name an https:// address in the public network; docs/webhooks.md says which")
                .into()
        })
    }

    fn webhook_shown(&self, tenant: TenantId, row: WebhookRow) -> Result<Webhook> {
        let inside = self.open_webhook(tenant, row.id, &row.sealed)?;
        let now = self.now();
        let old = inside.old_until(now);
        Ok(Webhook {
            id: row.id,
            address: inside.address,
            events: row.events,
            paused: row.paused.map(|(why, _)| why.word().to_owned()),
            paused_at: row.paused.map(|(_, at)| at),
            failing_since: row.failing_since,
            waiting: u32::try_from(row.waiting).unwrap_or(0),
            last_sequence: u64::try_from(row.last_seq).unwrap_or(0),
            old_secret_until: old,
            created_at: row.created_at,
        })
    }

    fn webhook_expected(
        &self,
        tenant: TenantId,
        row: &WebhookRow,
        expected: &Expected,
    ) -> Result<()> {
        match expected.is_named() {
            true => {
                let shown = self.webhook_shown(tenant, row.clone())?;
                expected.check(&tag::of_webhook(&shown)?)
            }
            // Nor is it opened: one that is sealed to another key can be removed.
            false => Ok(()),
        }
    }

    /// Adds a webhook. Its secret is shown this once.
    ///
    /// # Errors
    /// [`Code::Invalid`] for an address that is not sent to or no events; [`Code::Conflict`] where there
    /// are as many as there may be.
    pub async fn webhook_add(&self, caller: &Caller, new: &NewWebhook) -> Result<WebhookMade> {
        let address = self.address(&new.address)?;
        let events = distinct(&new.events)?;
        let mut tx = self.store().begin(caller.tenant).await?;
        self.still(&mut tx, caller).await?;
        let id = self.new_id();
        let secret = Secret::generate(self.entropy());
        let inside = Inside {
            address,
            secret: secret.clone(),
            old: None,
            older: Vec::new(),
        };
        let row = WebhookRow {
            id,
            sealed: self.seal_webhook(tx.tenant(), id, &inside)?,
            events,
            paused: None,
            failing_since: None,
            last_seq: 0,
            waiting: 0,
            by: caller.user,
            created_at: tx.time(),
        };
        if !tx.webhook_insert(&row, WEBHOOKS_MAX).await? {
            let why = format!("an organization has at most {WEBHOOKS_MAX} webhooks");
            return Err(Problem::new(Code::Conflict, why)
                .next("remove one that is not needed: `freehold webhook remove`")
                .into());
        }
        self.audit(&mut tx, caller, "webhook.add", &id.to_string(), "setup")
            .await?;
        let about = self.webhook_shown(caller.tenant, row)?;
        tx.commit().await?;
        Ok(WebhookMade {
            secret: secret.expose().to_string(),
            about,
        })
    }

    /// Webhooks, oldest first.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn webhook_list(
        &self,
        caller: &Caller,
        after: Option<WebhookId>,
        limit: u32,
    ) -> Result<Page<Webhook>> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let rows = tx.webhook_list(after, i64::from(limit) + 1).await?;
        page(
            rows,
            limit,
            |row| row.id.to_string(),
            |row| self.webhook_shown(caller.tenant, row),
        )
    }

    /// A webhook.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn webhook_show(&self, caller: &Caller, reference: &str) -> Result<Webhook> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let row = find(&mut tx, reference).await?;
        self.webhook_shown(caller.tenant, row)
    }

    /// Changes what a webhook is. One that is sent to again goes on with what waited.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::Invalid`], [`Code::Stale`].
    pub async fn webhook_edit(
        &self,
        caller: &Caller,
        reference: &str,
        edit: &EditWebhook,
        expected: &Expected,
    ) -> Result<Webhook> {
        let address = edit
            .address
            .as_deref()
            .map(|a| self.address(a))
            .transpose()?;
        let events = edit.events.as_deref().map(distinct).transpose()?;
        let mut tx = self.store().begin(caller.tenant).await?;
        self.still(&mut tx, caller).await?;
        let mut row = lock(&mut tx, reference).await?;
        let id = row.id;
        self.webhook_expected(caller.tenant, &row, expected)?;
        if let Some(address) = address {
            let inside = self.open_webhook(tx.tenant(), id, &row.sealed)?;
            row.sealed = self.seal_webhook(tx.tenant(), id, &Inside { address, ..inside })?;
            // What failed there says nothing of here.
            row.failing_since = None;
        }
        row.events = events.unwrap_or(row.events);
        match edit.paused {
            Some(true) if row.paused.is_none() => row.paused = Some((Paused::Person, tx.time())),
            Some(false) => {
                row.paused = None;
                row.failing_since = None;
                tx.webhook_wake(id).await?;
            }
            _ => {}
        }
        tx.webhook_put(&row).await?;
        self.audit(&mut tx, caller, "webhook.edit", &id.to_string(), "setup")
            .await?;
        let shown = self.webhook_shown(caller.tenant, row)?;
        tx.commit().await?;
        Ok(shown)
    }

    /// Gives a webhook a new secret, which is shown this once. Those before sign for a day more.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn webhook_rotate(&self, caller: &Caller, reference: &str) -> Result<WebhookMade> {
        let mut tx = self.store().begin(caller.tenant).await?;
        self.still(&mut tx, caller).await?;
        let mut row = lock(&mut tx, reference).await?;
        let id = row.id;
        let before = self.open_webhook(tx.tenant(), id, &row.sealed)?;
        let secret = Secret::generate(self.entropy());
        let inside = before.rotated(secret.clone(), self.now());
        row.sealed = self.seal_webhook(tx.tenant(), id, &inside)?;
        tx.webhook_put(&row).await?;
        self.audit(&mut tx, caller, "webhook.rotate", &id.to_string(), "setup")
            .await?;
        let about = self.webhook_shown(caller.tenant, row)?;
        tx.commit().await?;
        Ok(WebhookMade {
            secret: secret.expose().to_string(),
            about,
        })
    }

    /// Removes a webhook and forgets its secrets. What waits is not sent.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::Stale`].
    pub async fn webhook_remove(
        &self,
        caller: &Caller,
        reference: &str,
        expected: &Expected,
    ) -> Result<()> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let row = lock(&mut tx, reference).await?;
        self.webhook_expected(caller.tenant, &row, expected)?;
        let (id, now) = (row.id, tx.time());
        tx.webhook_remove(id, now).await?;
        self.audit(&mut tx, caller, "webhook.remove", &id.to_string(), "setup")
            .await?;
        Ok(tx.commit().await?)
    }

    /// Tells a webhook that somebody tries it.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::Conflict`] while it is paused.
    pub async fn webhook_test(&self, caller: &Caller, reference: &str) -> Result<WebhookDelivery> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let row = lock(&mut tx, reference).await?;
        is_sent_to(&row)?;
        let id: DeliveryId = self.new_id();
        let facts = json!({ "by": caller.user });
        tx.delivery_insert(&row, id, Event::Test, &facts).await?;
        self.audit(
            &mut tx,
            caller,
            "webhook.test",
            &row.id.to_string(),
            "setup",
        )
        .await?;
        let delivery = one(&mut tx, row.id, id, &id.to_string()).await?;
        tx.commit().await?;
        Ok(of_delivery(delivery))
    }

    /// What a webhook was told, newest first.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn delivery_list(
        &self,
        caller: &Caller,
        reference: &str,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<WebhookDelivery>> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let id = find(&mut tx, reference).await?.id;
        let rows = tx.delivery_list(id, before, i64::from(limit) + 1).await?;
        page(
            rows,
            limit,
            |row| row.seq.to_string(),
            |row| Ok(of_delivery(row)),
        )
    }

    /// A delivery, with what is sent and what came of it.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn delivery_show(
        &self,
        caller: &Caller,
        webhook: &str,
        reference: &str,
    ) -> Result<WebhookDeliveryShown> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let id = find(&mut tx, webhook).await?.id;
        // The tries first: what is said of the delivery is then no older than the last of them.
        let which = reference.parse().map_err(|_| no_delivery(reference))?;
        let rows = tx.attempt_list(which, ATTEMPTS_SHOWN).await?;
        let row = one(&mut tx, id, which, reference).await?;
        let opener = self
            .opener(&mut tx, caller, &row.id.to_string(), "webhook.delivery")
            .await?;
        let body = serde_json::to_value(told(tx.tenant(), &row))
            .map_err(|error| Error::Internal(format!("{}: {error}", row.id)))?;
        tx.commit().await?;
        let attempts = rows.into_iter().map(|attempt| {
            let answer = attempt
                .answer
                .map(|sealed| opener.text(row.id, ANSWER, i64::from(attempt.n), &sealed));
            Ok(WebhookAttempt {
                n: u32::try_from(attempt.n).unwrap_or(0),
                at: attempt.at,
                took_ms: u32::try_from(attempt.took_ms).unwrap_or(0),
                outcome: attempt.outcome,
                status: attempt.status.and_then(|status| u16::try_from(status).ok()),
                answer: answer.transpose()?,
            })
        });
        Ok(WebhookDeliveryShown {
            attempts: attempts.collect::<Result<_>>()?,
            body,
            about: of_delivery(row),
        })
    }

    /// Sends a delivery once more, under the same id.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::Conflict`] while it waits to be sent, or its webhook is paused.
    pub async fn delivery_replay(
        &self,
        caller: &Caller,
        webhook: &str,
        reference: &str,
    ) -> Result<WebhookDelivery> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let row = lock(&mut tx, webhook).await?;
        let known = delivery(&mut tx, row.id, reference).await?;
        is_sent_to(&row)?;
        if known.state == "waiting" {
            return refuse(Code::Conflict, "it waits to be sent already");
        }
        tx.delivery_again(&known).await?;
        self.audit(
            &mut tx,
            caller,
            "webhook.replay",
            &known.id.to_string(),
            "setup",
        )
        .await?;
        let again = one(&mut tx, row.id, known.id, reference).await?;
        tx.commit().await?;
        Ok(of_delivery(again))
    }
}

/// Where the beginning of an answer is sealed, by the number of the try.
pub(crate) const ANSWER: &str = "answer";

/// What is sent of a delivery.
pub(crate) fn told(tenant: TenantId, row: &DeliveryRow) -> Told {
    Told {
        event: row.event,
        timestamp: row.at,
        organization: tenant,
        sequence: u64::try_from(row.seq).unwrap_or(0),
        data: row.facts.clone(),
    }
}

fn distinct(events: &[Event]) -> Result<Vec<Event>> {
    let mut distinct = events.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    match distinct.is_empty() {
        true => refuse(Code::Invalid, "say at least one event that it is told of"),
        false => Ok(distinct),
    }
}

fn is_sent_to(row: &WebhookRow) -> Result<()> {
    match row.paused {
        None => Ok(()),
        Some((why, _)) => Err(Problem::new(
            Code::Conflict,
            format!("the webhook is paused ({})", why.word()),
        )
        .next("go on with it first: `freehold webhook edit --resume`")
        .into()),
    }
}

fn absent(reference: &str) -> Error {
    Problem::new(
        Code::NotFound,
        format!("there is no webhook `{}`", shorten(reference)),
    )
    .next("see `freehold webhook list`")
    .into()
}

fn parse(reference: &str) -> Result<WebhookId> {
    reference.parse().map_err(|_| absent(reference))
}

async fn find(tx: &mut Tx, reference: &str) -> Result<WebhookRow> {
    let row = tx.webhook_get(parse(reference)?).await?;
    row.ok_or_else(|| absent(reference))
}

async fn lock(tx: &mut Tx, reference: &str) -> Result<WebhookRow> {
    let row = tx.webhook_lock_alone(parse(reference)?).await?;
    row.ok_or_else(|| absent(reference))
}

async fn delivery(tx: &mut Tx, webhook: WebhookId, reference: &str) -> Result<DeliveryRow> {
    match reference.parse() {
        Ok(id) => one(tx, webhook, id, reference).await,
        Err(_) => Err(no_delivery(reference)),
    }
}

async fn one(
    tx: &mut Tx,
    webhook: WebhookId,
    id: DeliveryId,
    reference: &str,
) -> Result<DeliveryRow> {
    let row = tx.delivery_get(webhook, id).await?;
    row.ok_or_else(|| no_delivery(reference))
}

fn no_delivery(reference: &str) -> Error {
    Problem::new(
        Code::NotFound,
        format!("there is no delivery `{}`", shorten(reference)),
    )
    .next("see `freehold webhook deliveries`; they are kept for 30 days")
    .into()
}

fn of_delivery(row: DeliveryRow) -> WebhookDelivery {
    WebhookDelivery {
        id: row.id,
        event: row.event,
        sequence: u64::try_from(row.seq).unwrap_or(0),
        at: row.at,
        state: row.state,
        tries: u32::try_from(row.tries).unwrap_or(0),
        done_at: row.done_at,
        next_try_at: row.due_at,
    }
}
