//! `freehold runner list` and `enroll-token`; `serve` is a role.

use freehold_wire::api::EnrolToken;

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
