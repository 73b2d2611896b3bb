//! `freehold runner list`, `enroll-token` and `revoke`; `serve` is a role.

use freehold_wire::api::{EnrolToken, Runner};
use reqwest::Method;

use super::{Person, find};
use crate::client::{Client, Route};
use crate::failure::Failure;
use crate::print::{Printer, things};
use crate::words::ListWords;

pub(super) async fn list(
    words: ListWords,
    client: &Client,
    printer: Printer,
) -> Result<(), Failure> {
    let page = client.list(&Route::to("runners"), words.after).await?;
    printer.show(&page, things::runners)
}

pub(super) async fn enroll_token(client: &Client, printer: Printer) -> Result<(), Failure> {
    let route = Route::to("runners").then("tokens");
    let token: EnrolToken = client.post(&route, &serde_json::json!({})).await?;
    printer.progress(&format!(
        "good for one runner, until {}",
        things::time(token.expires_at)
    ));
    printer.show(&token, things::enrol_token)
}

pub(super) async fn revoke(
    name: &str,
    yes: bool,
    client: &Client,
    person: Person,
    printer: Printer,
) -> Result<(), Failure> {
    let runner = find(client, "runners", name, |runner: &Runner| {
        (runner.id.to_string(), &runner.name)
    })
    .await?;
    let route = Route::of("runners", &runner.id.to_string())?;
    person.surely(client, Method::DELETE, &route, yes).await?;
    // What is revoked stays so: the machine comes back under another id.
    printer.gone("runner", &runner.name, None)
}
