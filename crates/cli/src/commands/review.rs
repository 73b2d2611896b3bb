//! What a decision on a run rests on, and a person's answers: approve, reject, reply.

use freehold_model::run::State;
use freehold_wire::api::{Approve, Base, BaseState, Reject, Reply, Review, Run};
use freehold_wire::problem::{Code, Problem};

use super::{once, text_or_stdin, watch};
use crate::client::{Client, Route, Trouble};
use crate::failure::Failure;
use crate::print::review::Reviewed;
use crate::print::{self, Printer};

/// Prints what a decision rests on.
pub(super) async fn show(name: &str, client: &Client, printer: Printer) -> Result<(), Failure> {
    let route = Route::of("runs", name)?;
    let run: Run = client.get(&route).await?;
    let review: Review = client.get(&route.clone().then("review")).await?;
    // A runner that cannot look leaves the rest as it is.
    let base = route.then("base");
    let target = client
        .get::<Base>(&base)
        .await
        .unwrap_or_else(|failure| Base {
            base: review.base.clone(),
            head: None,
            state: BaseState::Unknown,
            message: Some(failure.message),
        });
    let reviewed = Reviewed {
        name: name.to_owned(),
        state: run.state,
        reason: run.reason,
        detail: run.detail.clone(),
        run,
        review,
        target,
    };
    printer.show(&reviewed, print::review::review)
}

/// Approves exactly what was seen, and watches the landing.
pub(super) async fn approve(
    name: &str,
    commit: Option<String>,
    client: &Client,
    printer: Printer,
) -> Result<(), Failure> {
    let route = Route::of("runs", name)?;
    let commit = match commit {
        Some(commit) => commit,
        None => seen(client.get(&route).await?)?,
    };
    let run = say_yes(&route, commit, client).await?;
    let run = watch::landed(run, client, printer).await?;
    printer.show(&run, print::run::run)?;
    match run.state {
        State::Succeeded => Ok(()),
        _ => Err(Failure::run(&run)),
    }
}

/// The commit that a person who names none means: the one that the run has now. Work that
/// appears later is not meant.
fn seen(run: Run) -> Result<String, Failure> {
    run.commit.ok_or_else(|| {
        let detail = format!("run {} is {} and has nothing to approve", run.id, run.state);
        let next = format!("look at it: `freehold run show {}`", run.id);
        Problem::new(Code::Conflict, detail).next(next).into()
    })
}

async fn say_yes(route: &Route, commit: String, client: &Client) -> Result<Run, Failure> {
    let approve = Approve {
        commit: Some(commit.clone()),
    };
    let refused = match client
        .try_post(&route.clone().then("approve"), &approve)
        .await?
    {
        Ok(run) => return Ok(run),
        Err(trouble) => trouble,
    };
    // The yes may have arrived although its answer was lost, or be said a second time: then the
    // run is on its way, or there, with that very commit.
    let unsure = match &refused {
        Trouble::Lost(_) => true,
        Trouble::Refused(problem) => problem.code == Code::Conflict,
        Trouble::Strange(_) => false,
    };
    if unsure {
        // When it cannot be looked at either, the first trouble is the one to tell.
        let Ok(run) = client.try_get::<Run>(route).await else {
            return Err(refused.into());
        };
        let under_way = run.state == State::Landing || run.landed.is_some();
        if under_way && run.commit.as_ref() == Some(&commit) {
            return Ok(run);
        }
    }
    Err(refused.into())
}

/// Rejects for good.
pub(super) async fn reject(
    name: &str,
    reason: String,
    client: &Client,
    printer: Printer,
) -> Result<(), Failure> {
    let route = Route::of("runs", name)?.then("reject");
    let run: Run = client.post(&route, &Reject { reason }).await?;
    printer.show(&run, print::run::run)
}

/// Answers.
pub(super) async fn reply(
    name: &str,
    text: String,
    key: Option<String>,
    client: &Client,
    printer: Printer,
) -> Result<(), Failure> {
    let text = text_or_stdin(text)?;
    let route = Route::of("runs", name)?.then("reply");
    let run: Run = client
        .post_once(&route, &Reply { text }, &once(key))
        .await?;
    printer.show(&run, print::run::run)
}
