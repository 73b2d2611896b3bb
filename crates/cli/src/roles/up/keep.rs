//! Keeping things alive: what ends is started again, after a pause that grows.

use std::time::Duration;

use freehold_postgres::Postgres;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::child::Child;
use super::state::{Pid, State};
use crate::failure::Failure;

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// What has run this long is well: its next end is the first again.
const WELL: Duration = Duration::from_secs(60);
/// A runner lets its jobs end for a minute, stops the others in half a minute, and tells the server.
const RUNNER_STOPS: Duration = Duration::from_secs(105);
/// A server ends its streams in five seconds, and what it does in the background in five more.
const SERVER_STOPS: Duration = Duration::from_secs(15);
/// What each may still take after a second signal.
const HURRIES: Duration = Duration::from_secs(3);

/// Keeps the server alive until `stop`.
pub(super) async fn server(state: State, mut child: Child, stop: CancellationToken) {
    let mut pauses = Pauses::new();
    loop {
        let how = tokio::select! {
            how = child.wait() => how,
            () = stop.cancelled() => return child.stop(SERVER_STOPS, hurry(&state)).await,
        };
        state.note("server", &child.failure(&how));
        let again = async || {
            let role = state.server_role(state.address());
            Child::start(role, &state.server_log).await
        };
        let Some(next) = restart(&state, &mut pauses, &stop, again).await else {
            return;
        };
        child = next;
        state.set_pid(Pid::Server, child.pid());
    }
}

/// Keeps the runner alive until `stop`; then it drains.
pub(super) async fn runner(state: State, mut child: Child, stop: CancellationToken) {
    let mut pauses = Pauses::new();
    loop {
        let how = tokio::select! {
            how = child.wait() => how,
            () = stop.cancelled() => return child.stop(RUNNER_STOPS, hurry(&state)).await,
        };
        state.note("runner", &child.failure(&how));
        let again = async || {
            let role = state.runner_role().await?;
            Child::start(role, &state.runner_log).await
        };
        let Some(next) = restart(&state, &mut pauses, &stop, again).await else {
            return;
        };
        child = next;
        state.set_pid(Pid::Runner, child.pid());
    }
}

/// Keeps PostgreSQL alive until `stop`. The server finds it again by itself.
pub(super) async fn postgres(state: State, mut postgres: Postgres, stop: CancellationToken) {
    let mut pauses = Pauses::new();
    loop {
        let exit = tokio::select! {
            exit = postgres.wait() => exit,
            () = stop.cancelled() => {
                postgres.stop().await;
                return;
            }
        };
        // Its lock must be free before the next one starts.
        drop(postgres);
        let how = format!("PostgreSQL: {exit}");
        state.note("database", &Failure::unreachable(how, "wait a moment"));
        let again = async || super::database(&state, &stop).await;
        let Some(next) = restart(&state, &mut pauses, &stop, again).await else {
            return;
        };
        postgres = next;
        state.set_pid(Pid::Postgres, postgres.pid());
    }
}

async fn hurry(state: &State) -> Duration {
    state.hurry.cancelled().await;
    HURRIES
}

/// Tries until it is started; `None` when it shall not be any more.
async fn restart<T>(
    state: &State,
    pauses: &mut Pauses,
    stop: &CancellationToken,
    start: impl AsyncFn() -> Result<T, Failure>,
) -> Option<T> {
    loop {
        let pause = pauses.next();
        let started = async {
            sleep(pause).await;
            start().await
        };
        let started = tokio::select! {
            started = started => started,
            () = stop.cancelled() => return None,
        };
        pauses.started();
        match started {
            Ok(started) => return Some(started),
            Err(failure) => state.note("restart", &failure),
        }
    }
}

/// Pauses between starts.
#[derive(Debug)]
struct Pauses {
    next: Duration,
    started: Instant,
}

impl Pauses {
    fn new() -> Self {
        Self {
            next: FIRST_PAUSE,
            started: Instant::now(),
        }
    }

    fn started(&mut self) {
        self.started = Instant::now();
    }

    fn next(&mut self) -> Duration {
        if self.started.elapsed() >= WELL {
            self.next = FIRST_PAUSE;
        }
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST_PAUSE);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_begin_anew_after_a_good_minute() {
        let mut pauses = Pauses::new();
        let grown: Vec<u128> = (0..8).map(|_| pauses.next().as_millis()).collect();
        assert_eq!(grown, [200, 400, 800, 1600, 3200, 6400, 10000, 10000]);
        pauses.started = Instant::now().checked_sub(WELL).unwrap();
        assert_eq!(pauses.next(), FIRST_PAUSE);
    }
}
