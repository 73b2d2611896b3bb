//! `freehold environment`

use std::time::Duration;

use freehold_model::environment::State;
use freehold_wire::api::{EditEnvironmentLimits, Environment, EnvironmentLimits, EnvironmentUsage};

use super::Person;
use crate::client::{Client, Route};
use crate::failure::{Exit, Failure};
use crate::print::{Printer, environment as print};
use crate::words::{EnvironmentWords, LimitsWords};

/// Between two looks at an environment that is awaited. Making one ready takes seconds to minutes.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long a command waits for an environment that is made ready: a first clone and a long setup.
const READY_WITHIN: Duration = Duration::from_secs(60 * 60);
/// How long a command waits for one that is cleared; the server waits no longer itself.
const CLEARED_WITHIN: Duration = Duration::from_secs(6 * 60);

pub(super) async fn run(
    words: EnvironmentWords,
    client: &Client,
    person: Person,
    printer: Printer,
) -> Result<(), Failure> {
    match words {
        EnvironmentWords::List(words) => {
            let route = Route::to("environments").filter("project", words.project.as_ref());
            let route = match words.all {
                true => route,
                false => route.query("active", true),
            };
            let page = client.list(&route, words.list.after).await?;
            printer.show(&page, print::environments)
        }
        EnvironmentWords::Show { environment } => {
            let route = Route::of("environments", &environment)?;
            let shown: Environment = client.get(&route).await?;
            printer.show(&shown, print::environment)
        }
        EnvironmentWords::Start { project, no_wait } => {
            let route = Route::of("projects", &project)?.then("environments");
            let mut environment: Environment = client.post(&route, &serde_json::json!({})).await?;
            if !no_wait {
                let is_there = |state: State| {
                    !matches!(state, State::Requested | State::Starting | State::Stopping)
                };
                environment = until(client, environment, READY_WITHIN, is_there, printer).await?;
            }
            let failed = environment.state == State::Failed;
            printer.show(&environment, print::environment)?;
            match failed {
                true => Err(Failure::new(
                    Exit::Failed,
                    "environment_failed",
                    "the environment could not be made ready",
                    "correct what its detail says, and begin one again",
                )),
                false => Ok(()),
            }
        }
        EnvironmentWords::Stop {
            environment,
            yes,
            no_wait,
        } => stop(&environment, yes, no_wait, client, person, printer).await,
        EnvironmentWords::Limits(words) => limits(words, client, printer).await,
        EnvironmentWords::Usage(words) => {
            let route = Route::to("environments")
                .then("usage")
                .filter("project", words.project.as_ref())
                .filter("from", words.from.as_ref())
                .filter("to", words.to.as_ref());
            let usage: EnvironmentUsage = client.get(&route).await?;
            printer.show(&usage, print::usage)
        }
    }
}

async fn stop(
    name: &str,
    yes: bool,
    no_wait: bool,
    client: &Client,
    person: Person,
    printer: Printer,
) -> Result<(), Failure> {
    let route = Route::of("environments", name)?;
    let seen: Environment = client.get(&route).await?;
    if seen.jobs > 0 {
        let question = format!(
            "Stop the environment of `{}` ({})? It has {} at work; it takes no more, and ends when they have.",
            seen.project_name,
            seen.id,
            match seen.jobs {
                1 => "1 job".to_owned(),
                jobs => format!("{jobs} jobs"),
            }
        );
        person.sure(&question, yes).await?;
    }
    let route = Route::of("environments", &seen.id.to_string())?.then("stop");
    let mut environment: Environment = client.post(&route, &serde_json::json!({})).await?;
    // Jobs take as long as they take: nobody is kept waiting for them.
    if !no_wait && environment.jobs == 0 {
        let has_ended = State::is_terminal;
        environment = until(client, environment, CLEARED_WITHIN, has_ended, printer).await?;
    }
    printer.show(&environment, print::environment)
}

/// Looks until the environment is where it is awaited, or for so long.
async fn until(
    client: &Client,
    mut environment: Environment,
    within: Duration,
    is_there: impl Fn(State) -> bool,
    printer: Printer,
) -> Result<Environment, Failure> {
    let route = Route::of("environments", &environment.id.to_string())?;
    let end = tokio::time::Instant::now() + within;
    let mut told = None;
    while !is_there(environment.state) && tokio::time::Instant::now() < end {
        let now = (environment.state, environment.detail.clone());
        if told.as_ref() != Some(&now) {
            printer.progress(&print::progress(&environment));
            told = Some(now);
        }
        tokio::time::sleep(LOOK_EVERY).await;
        environment = client.get_patiently(&route).await?;
    }
    Ok(environment)
}

async fn limits(words: LimitsWords, client: &Client, printer: Printer) -> Result<(), Failure> {
    let route = Route::to("environments").then("limits");
    let limits: EnvironmentLimits = match (words.most, words.idle) {
        (None, None) => client.get(&route).await?,
        (most, idle_minutes) => {
            let edit = EditEnvironmentLimits { most, idle_minutes };
            client.patch(&route, &edit, None).await?
        }
    };
    printer.show(&limits, print::limits)
}
