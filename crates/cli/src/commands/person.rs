//! Who asks: `freehold whoami`, `sign-in` and `sign-out`; and what needs them: `freehold inbox`.

use freehold_wire::api::{InboxItem, Me, Page, SignInToken};
use reqwest::Method;

use super::Person;
use crate::client::{Client, Route};
use crate::failure::Failure;
use crate::print::{Printer, inbox, things};
use crate::words::ListWords;

pub(super) async fn inbox(
    words: ListWords,
    client: &Client,
    printer: Printer,
) -> Result<(), Failure> {
    let page: Page<InboxItem> = client.list(&Route::to("inbox"), words.after).await?;
    printer.show(&page, inbox::inbox)
}

pub(super) async fn whoami(client: &Client, printer: Printer) -> Result<(), Failure> {
    let me: Me = client.get(&Route::to("me")).await?;
    printer.show(&me, things::me)
}

pub(super) async fn sign_in(client: &Client, printer: Printer) -> Result<(), Failure> {
    let route = Route::to("sign-in").then("tokens");
    let token: SignInToken = client.post(&route, &serde_json::json!({})).await?;
    printer.progress(&format!(
        "signs one browser in as you, once, until {}",
        things::time(token.expires_at)
    ));
    let link = things::Link {
        sign_in: format!("{}sign-in#{}", client.home(), token.token),
        expires_at: token.expires_at,
    };
    printer.show(&link, things::link)
}

pub(super) async fn sign_out(
    yes: bool,
    client: &Client,
    person: Person,
    printer: Printer,
) -> Result<(), Failure> {
    let me: Me = client.get(&Route::to("me")).await?;
    let question = format!(
        "Revoke the token that this command uses? You are {} there.",
        me.name
    );
    person.sure(&question, yes).await?;
    client.tell(Method::POST, &Route::to("sign-out")).await?;
    printer.show(&serde_json::json!({ "signed_out": me.name }), |_, _| {
        "Signed out: the token is good for nothing any more.\n\
         next: where it was the installation's own, stop `freehold up` and start it again: it makes a new one"
            .to_owned()
    })
}
