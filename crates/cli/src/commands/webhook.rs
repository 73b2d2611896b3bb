//! `freehold webhook`

use freehold_model::webhook::Event;
use freehold_wire::api::{
    EditWebhook, NewWebhook, Webhook, WebhookDelivery, WebhookDeliveryShown, WebhookMade,
};
use reqwest::Method;
use serde_json::json;

use super::Person;
use crate::client::{Client, Route};
use crate::failure::Failure;
use crate::print::{Printer, webhook};
use crate::words::WebhookWords;

const NOUN: &str = "webhooks";

pub(super) async fn run(
    words: WebhookWords,
    client: &Client,
    person: Person,
    printer: Printer,
) -> Result<(), Failure> {
    match words {
        WebhookWords::List(list) => {
            let page = client.list(&Route::to(NOUN), list.after).await?;
            printer.show(&page, webhook::webhooks)
        }
        WebhookWords::Add(words) => {
            let new = NewWebhook {
                address: words.address,
                events: match words.events.is_empty() {
                    true => Event::ALL.to_vec(),
                    false => words.events,
                },
            };
            let made: WebhookMade = client.post(&Route::to(NOUN), &new).await?;
            secret(&made, printer)
        }
        WebhookWords::Show { webhook } => show(client, &webhook, printer).await,
        WebhookWords::Edit(words) => {
            let edit = EditWebhook {
                address: words.address,
                events: Some(words.events).filter(|events| !events.is_empty()),
                paused: match (words.pause, words.resume) {
                    (false, false) => None,
                    (pause, _) => Some(pause),
                },
            };
            if edit == EditWebhook::default() {
                return Err(Failure::usage(
                    "nothing is to be changed",
                    "say what: see `freehold webhook edit --help`",
                ));
            }
            let route = Route::of(NOUN, &words.webhook)?;
            let edited: Webhook = client.patch(&route, &edit, None).await?;
            printer.show(&edited, webhook::webhook)
        }
        WebhookWords::Remove { webhook, yes } => {
            let question = format!("Remove the webhook `{webhook}`? What waits is not sent.");
            person.sure(&question, yes).await?;
            let route = Route::of(NOUN, &webhook)?;
            client.tell(Method::DELETE, &route).await?;
            printer.gone("webhook", &webhook, None)
        }
        WebhookWords::Rotate { webhook } => {
            let route = Route::of(NOUN, &webhook)?.then("rotate");
            let made: WebhookMade = client.post(&route, &json!({})).await?;
            secret(&made, printer)
        }
        WebhookWords::Deliveries {
            webhook,
            delivery: None,
            list,
        } => {
            let route = Route::of(NOUN, &webhook)?.then("deliveries");
            let page = client.list(&route, list.after).await?;
            printer.show(&page, webhook::deliveries)
        }
        WebhookWords::Deliveries {
            webhook,
            delivery: Some(delivery),
            ..
        } => {
            let route = Route::of(NOUN, &webhook)?
                .then("deliveries")
                .at(&delivery)?;
            let shown: WebhookDeliveryShown = client.get(&route).await?;
            printer.show(&shown, webhook::shown)
        }
        WebhookWords::Replay { webhook, delivery } => {
            let route = Route::of(NOUN, &webhook)?.then("deliveries");
            let route = route.at(&delivery)?.then("replay");
            let again: WebhookDelivery = client.post(&route, &json!({})).await?;
            printer.show(&again, webhook::delivery)
        }
        WebhookWords::Test { webhook } => {
            let route = Route::of(NOUN, &webhook)?.then("test");
            let delivery: WebhookDelivery = client.post(&route, &json!({})).await?;
            printer.show(&delivery, webhook::delivery)
        }
    }
}

async fn show(client: &Client, id: &str, printer: Printer) -> Result<(), Failure> {
    let shown: Webhook = client.get(&Route::of(NOUN, id)?).await?;
    printer.show(&shown, webhook::webhook)
}

fn secret(made: &WebhookMade, printer: Printer) -> Result<(), Failure> {
    let id = made.about.id;
    printer.progress(&format!(
        "the secret of {id}, shown this once; try it: freehold webhook test {id}"
    ));
    printer.show(made, webhook::made)
}
