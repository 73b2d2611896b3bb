//! `freehold token`

use freehold_wire::api::{AccessToken, NewServiceToken, NewToken, TokenMade};
use reqwest::Method;

use super::{Person, find};
use crate::client::{Client, Route};
use crate::failure::Failure;
use crate::print::{Printer, things, token};
use crate::words::{TokenCreate, TokenWords};

pub(super) async fn run(
    words: TokenWords,
    client: &Client,
    person: Person,
    printer: Printer,
) -> Result<(), Failure> {
    match words {
        TokenWords::Create(words) => create(words, client, printer).await,
        TokenWords::List { service, list } => {
            let page = client.list(&Route::to(noun(service)), list.after).await?;
            printer.show(&page, token::tokens)
        }
        TokenWords::Revoke {
            token,
            service,
            yes,
        } => {
            let noun = noun(service);
            let token = find(client, noun, &token, |token: &AccessToken| {
                (token.id.to_string(), &token.name)
            })
            .await?;
            let question = format!(
                "Revoke the token `{}` for good? It was {}.",
                token.name,
                token::last_used(&token)
            );
            person.sure(&question, yes).await?;
            let route = Route::of(noun, &token.id.to_string())?;
            client.tell(Method::DELETE, &route).await?;
            printer.gone("token", &token.name, None)
        }
    }
}

/// Where they are: one's own, or the organization's.
const fn noun(service: bool) -> &'static str {
    if service { "service-tokens" } else { "tokens" }
}

async fn create(words: TokenCreate, client: &Client, printer: Printer) -> Result<(), Failure> {
    let route = Route::to(noun(words.service));
    let days = Some(words.days);
    let made: TokenMade = match words.role {
        // The words do not let a service token be without.
        Some(role) if words.service => {
            let new = NewServiceToken {
                name: words.name,
                scopes: words.scopes,
                role,
                days,
            };
            client.post(&route, &new).await?
        }
        role => {
            let new = NewToken {
                name: words.name,
                scopes: words.scopes,
                role,
                days,
            };
            client.post(&route, &new).await?
        }
    };
    printer.progress(&format!(
        "shown this once; good until {}",
        things::time(made.about.expires_at)
    ));
    printer.show(&made, token::made)
}
