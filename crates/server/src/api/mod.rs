//! The API, version 1: a file per noun, and each handler with its description. The router and the
//! description are made of the same list, so neither has what the other lacks.

mod account;
mod agent;
mod audit;
mod card;
mod device;
mod environment;
mod event;
mod inbox;
mod invitation;
mod member;
mod oidc;
mod project;
mod provider;
mod review;
mod run;
mod runner;
mod session;
mod token;
mod webhook;

use axum::Router;
use axum::body::Bytes;
use axum::http::{Method, header};
use axum::routing::get;
use freehold_model::id::{Id, Kind};
use freehold_wire::api::PAGE_MAX;
use freehold_wire::problem::{Code, Problem};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::answer::Answer;
use crate::gate::{Access, Route, Routes};
use crate::{AppState, link, openapi};

/// The API's routes behind the gate, and its description.
pub(crate) fn routes(state: &AppState) -> Router<AppState> {
    let document = Bytes::from(document());
    let json = [(header::CONTENT_TYPE, "application/json")];
    let described = get(async move || (json, document));
    all()
        .hidden(Access::Public, Method::GET, "/openapi.json", described)
        .behind_the_gate(state)
}

/// The description alone.
pub(crate) fn document() -> String {
    openapi::document(all().description())
}

/// Who may use what, of everything that is not a file of Studio's.
pub(crate) fn who_may() -> Vec<Route> {
    all().list().to_vec()
}

fn all() -> Routes {
    Routes::new()
        .merge(session::routes())
        .merge(account::routes())
        .merge(oidc::routes())
        .merge(member::routes())
        .merge(invitation::routes())
        .merge(token::routes())
        .merge(device::routes())
        .merge(inbox::routes())
        .merge(project::routes())
        .merge(provider::routes())
        .merge(agent::routes())
        .merge(card::routes())
        .merge(run::routes())
        .merge(event::routes())
        .merge(review::routes())
        .merge(environment::routes())
        .merge(runner::routes())
        .merge(audit::routes())
        .merge(webhook::routes())
        .merge(link::routes())
        .below_prefix(openapi::base())
}

/// Which part of a list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Part {
    /// The `next` of the part before; the first part where silent.
    after: Option<String>,
    /// Most items, 200 at most.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<Most>,
}

impl Part {
    fn limit(&self) -> u32 {
        limit(self.limit)
    }

    /// The cursor, which is the id of the last item seen.
    fn after<K: Kind>(&self) -> Answer<Option<Id<K>>> {
        parse(self.after.as_deref(), "after")
    }
}

/// How many items a part has at most.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "u32")]
struct Most(u32);

impl TryFrom<u32> for Most {
    type Error = String;

    fn try_from(asked: u32) -> Result<Self, String> {
        match asked {
            1..=PAGE_MAX => Ok(Self(asked)),
            _ => Err(format!("a part has between 1 and {PAGE_MAX} items")),
        }
    }
}

fn limit(asked: Option<Most>) -> u32 {
    asked.map_or(PAGE_MAX, |Most(most)| most)
}

fn parse<T: std::str::FromStr>(text: Option<&str>, name: &str) -> Answer<Option<T>> {
    text.map(|text| {
        let malformed = format!("the parameter `{name}` is malformed");
        text.parse()
            .map_err(|_| Problem::new(Code::Invalid, malformed).into())
    })
    .transpose()
}

/// Words with commas between, each as what it stands for.
fn list<T: std::str::FromStr>(text: Option<&str>, name: &str) -> Answer<Option<Vec<T>>> {
    let Some(text) = text else { return Ok(None) };
    let words = text.split(',').filter(|word| !word.is_empty());
    words
        .map(|word| parse(Some(word), name))
        .filter_map(Answer::transpose)
        .collect::<Answer<_>>()
        .map(Some)
}
