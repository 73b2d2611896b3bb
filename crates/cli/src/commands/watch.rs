//! Waiting until a run is where a person wants to look at it.

use std::time::Duration;

use freehold_model::run::State;
use freehold_wire::api::{Event, Run};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::client::events::Follow;
use crate::client::{Client, PATIENCE, Route};
use crate::failure::Failure;
use crate::print::{Printer, event, safe};

/// How often the run itself is looked at while its events are followed: only in case the
/// stream of events does not work.
const GLANCE: Duration = Duration::from_secs(2);
/// How often a landing is looked at; it takes seconds.
const LANDING: Duration = Duration::from_millis(200);
/// Events that may wait to be shown.
const EVENTS: usize = 256;

/// Until the run has ended or waits for a person.
pub(super) async fn ended(run: Run, client: &Client, printer: Printer) -> Result<Run, Failure> {
    let settled = |run: &Run| run.state.is_terminal() || run.state == State::Waiting;
    if settled(&run) {
        return Ok(run);
    }
    let (to, mut events) = mpsc::channel(EVENTS);
    // Dropped, and the task with it, when the run has settled.
    let mut tasks = JoinSet::new();
    tasks.spawn(follow(client.clone(), run.id.to_string(), to));
    let mut glance = ticks(GLANCE);
    let mut followed = true;
    loop {
        tokio::select! {
            event = events.recv(), if followed => match event {
                Some(event) => {
                    progress(&event, printer);
                    if !event.kind.starts_with("run.") {
                        continue;
                    }
                }
                None => followed = false,
            },
            _ = glance.tick() => {}
        }
        let run = look(&run, client).await?;
        if settled(&run) {
            return Ok(run);
        }
    }
}

/// Until the landing is done or refused. One whose remote is away goes on without us, and says so.
pub(super) async fn landed(
    mut run: Run,
    client: &Client,
    printer: Printer,
) -> Result<Run, Failure> {
    let (mut tick, mut glance) = (ticks(LANDING), ticks(GLANCE));
    let mut told = None;
    while run.state == State::Landing {
        match run.next_try_at {
            None => tick.tick().await,
            Some(_) => glance.tick().await,
        };
        run = look(&run, client).await?;
        if run.next_try_at.is_some() && run.next_try_at != told {
            told = run.next_try_at;
            let detail = run.detail.as_deref().unwrap_or_default();
            let first = safe::line(detail.lines().next().unwrap_or_default());
            printer.progress(&format!(
                "{first}; it lands by itself, whether or not you wait"
            ));
        }
    }
    Ok(run)
}

async fn look(run: &Run, client: &Client) -> Result<Run, Failure> {
    let route = Route::of("runs", &run.id.to_string())?;
    client.get_patiently(&route).await
}

fn ticks(period: Duration) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Passes events on; ends when it cannot, because the run itself is looked at as well.
async fn follow(client: Client, run: String, to: mpsc::Sender<Event>) {
    let mut follow = Follow::new(client, run, 0, PATIENCE);
    while let Ok(Some(event)) = follow.next().await {
        if to.send(event).await.is_err() {
            return;
        }
    }
}

/// What a person likes to see while waiting: the steps, not the agent's output.
fn progress(event: &Event, printer: Printer) {
    let shown = ["run.", "step.", "check."]
        .iter()
        .any(|group| event.kind.starts_with(group));
    if shown {
        let line = event::event(
            event,
            Printer {
                colour: false,
                ..printer
            },
        );
        printer.progress(&safe::text(&line));
    }
}
