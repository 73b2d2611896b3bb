//! `freehold run`

use freehold_model::run::State;
use freehold_wire::api::{Page, Run, StartRun, Step};

use super::{events, once, raw, review, watch};
use crate::client::{Client, Route};
use crate::failure::Failure;
use crate::print::{self, Printer};
use crate::words::{RunWords, StartWords};

pub(super) async fn run(words: RunWords, client: &Client, printer: Printer) -> Result<(), Failure> {
    match words {
        RunWords::Start(words) => start(words, client, printer).await,
        RunWords::List {
            project,
            card,
            states,
            list,
        } => {
            let names: Vec<&str> = states.iter().map(|state| state.name()).collect();
            let states = (!names.is_empty()).then(|| names.join(","));
            let route = Route::to("runs")
                .filter("project", project.as_ref())
                .filter("card", card.as_ref())
                .filter("state", states.as_ref());
            let page = client.list(&route, list.after).await?;
            printer.show(&page, print::run::runs)
        }
        RunWords::Show { run } => {
            let run: Run = client.get(&Route::of("runs", &run)?).await?;
            printer.show(&run, print::run::run)
        }
        RunWords::Cancel { run } => {
            let route = Route::of("runs", &run)?.then("cancel");
            let run: Run = client.post(&route, &serde_json::json!({})).await?;
            printer.show(&run, print::run::run)
        }
        RunWords::Steps { run } => {
            let route = Route::of("runs", &run)?.then("steps");
            let page: Page<Step> = client.list(&route, None).await?;
            printer.show(&page, print::run::steps)
        }
        RunWords::Events(words) => events::run(words, client, printer).await,
        RunWords::Logs { run, follow, tail } => {
            raw::logs(&run, follow, tail, client, printer).await
        }
        RunWords::Review { run } => review::show(&run, client, printer).await,
        RunWords::Diff { run } => raw::diff(&run, client, printer).await,
        RunWords::Approve { run, commit } => review::approve(&run, commit, client, printer).await,
        RunWords::Reject { run, reason } => review::reject(&run, reason, client, printer).await,
        RunWords::Reply {
            run,
            text,
            idempotency_key,
        } => review::reply(&run, text, idempotency_key, client, printer).await,
    }
}

async fn start(words: StartWords, client: &Client, printer: Printer) -> Result<(), Failure> {
    let key = once(words.idempotency_key);
    let route = Route::of("cards", &words.card)?.then("runs");
    let wish = StartRun {
        agent: words.agent,
        priority: words.priority,
    };
    let run: Run = client.post_once(&route, &wish, &key).await?;
    if !words.wait {
        return printer.show(&run, print::run::run);
    }
    let run = watch::ended(run, client, printer).await?;
    printer.show(&run, print::run::run)?;
    match run.state {
        State::Succeeded | State::Waiting => Ok(()),
        _ => Err(Failure::run(&run)),
    }
}
