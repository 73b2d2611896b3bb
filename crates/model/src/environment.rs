//! The life cycle of an environment, as pure functions: a project's place on a runner (its clean
//! store, its setup's results, the workspaces of its runs that wait), while it is active. The server
//! applies them to a locked row; nothing else changes an environment's state.
//!
//! ```text
//! requested ─▶ starting ─▶ ready ─▶ busy ◀─▶ idle ─▶ stopping ─▶ stopped
//!      └────────────┴────────┴───────┴────────┴────────┴───────▶ failed
//! ```
//!
//! What must outlive it lives elsewhere: work in refs of the client's remote, conversations as
//! sealed blobs. So an environment may go at any time, and the next run or reply begins another.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::id::RunnerId;
use crate::reason::Reason;

/// How long an environment may be without jobs and terminals, unless its tenant says more or less.
pub const IDLE: TimeDelta = TimeDelta::minutes(30);
/// How long a runner may be away before its environments count as gone: a restart, an update.
pub const AWAY_MAX: TimeDelta = TimeDelta::minutes(5);
/// How long a runner that is away is waited for before what it was to clear counts as cleared: it says
/// what it kept if it is back by then, and is told again whenever it is.
pub const AWAY_SOON: TimeDelta = TimeDelta::minutes(1);
/// The longest that an environment is being started: a first clone and a long setup.
pub const START_MAX: TimeDelta = TimeDelta::hours(1);
/// How long a runner that is there may take to clear a place before nobody waits for it any more.
pub const STOP_MAX: TimeDelta = TimeDelta::minutes(5);

/// Where an environment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Asked for by a person; no runner has it yet.
    Requested,
    /// A runner is fetching and setting up.
    Starting,
    /// Made ready, and not used yet.
    Ready,
    /// At least one job is in it.
    Busy,
    /// Used before; nothing is in it now.
    Idle,
    /// Takes no more jobs; ends when those in it have ended.
    Stopping,
    /// Ended as it should.
    Stopped,
    /// Ended by something that went wrong.
    Failed,
}

impl State {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 8] = [
        Self::Requested,
        Self::Starting,
        Self::Ready,
        Self::Busy,
        Self::Idle,
        Self::Stopping,
        Self::Stopped,
        Self::Failed,
    ];

    /// The name on the wire and in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Busy => "busy",
            Self::Idle => "idle",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing can change it any more.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Stopped | Self::Failed)
    }

    /// Whether it counts against the limit: it has, or is getting, a place on a runner.
    #[must_use]
    pub const fn is_placed(self) -> bool {
        !self.is_terminal() && !matches!(self, Self::Requested)
    }

    /// Whether jobs may be sent to it.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Starting | Self::Ready | Self::Busy | Self::Idle)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|state| state.name() == text)
            .ok_or_else(|| format!("`{text}` is not a state of an environment"))
    }
}

macro_rules! whys {
    ($($variant:ident $code:literal $meaning:literal;)*) => {
        /// Why an environment ends. Append only.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Why {
            $(#[doc = $meaning] $variant,)*
            /// It could not be made ready, for a reason that a run could have as well.
            Start(Reason),
        }

        impl Why {
            /// Every reason of an environment's own.
            pub const OWN: &'static [Self] = &[$(Self::$variant,)*];

            /// The code on the wire and in the database.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* Self::Start(reason) => reason.code() }
            }

            /// What it means, in a sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* Self::Start(reason) => reason.meaning() }
            }
        }
    };
}

whys! {
    Asked "asked" "a person stopped it";
    IdleTooLong "idle" "nothing was done in it for as long as the tenant allows";
    MadeRoom "made_room" "it made room for another project's, at the limit of concurrent environments";
    Unused "unused" "the job that it was begun for never came";
    RunnerDraining "runner_draining" "its runner takes no more work";
    RunnerGone "runner_gone" "its runner went away";
    RunnerRevoked "runner_revoked" "its runner was revoked";
    PlaceGone "place_gone" "its runner no longer has it";
    StartTimedOut "start_timed_out" "it was not ready in time";
    StopTimedOut "stop_timed_out" "its runner did not say that it was cleared";
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Why {
    type Err = String;

    fn from_str(code: &str) -> Result<Self, String> {
        let own = Self::OWN.iter().copied().find(|why| why.code() == code);
        own.or_else(|| code.parse().ok().map(Self::Start))
            .ok_or_else(|| format!("`{code}` is not a reason of an environment"))
    }
}

/// Everything that an environment's life decides on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Where it is.
    pub state: State,
    /// Why it ends or ended.
    pub why: Option<Why>,
    /// Whose machine it is on, once it has a place.
    pub runner: Option<RunnerId>,
    /// Jobs that are in it now.
    pub jobs: u32,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// When it was ready, or its first job began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub stopped_at: Option<DateTime<Utc>>,
    /// When something was last done in it or asked of it.
    pub last_active_at: DateTime<Utc>,
    /// When it was told to stop.
    pub stopping_at: Option<DateTime<Utc>>,
}

impl Environment {
    /// One that was just asked for.
    #[must_use]
    pub const fn new(at: DateTime<Utc>) -> Self {
        Self {
            state: State::Requested,
            why: None,
            runner: None,
            jobs: 0,
            requested_at: at,
            started_at: None,
            stopped_at: None,
            last_active_at: at,
            stopping_at: None,
        }
    }
}

/// What can happen to an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// A runner was chosen.
    Assign(RunnerId),
    /// The runner has made it ready.
    Ready,
    /// So many jobs are in it.
    Jobs(u32),
    /// Somebody uses it by hand (a terminal), or asked for it again.
    Touch,
    /// It is to end.
    Stop(Why),
    /// Its runner has cleared the place, or nobody waits for that.
    Stopped,
    /// Something went wrong.
    Fail(Why),
}

/// Why a command was not applied. Nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an environment that is {state} cannot be {verb}")]
pub struct Refusal {
    /// Where it is.
    pub state: State,
    /// What was asked, as a participle.
    pub verb: &'static str,
}

/// Applies `command` at `at`. True when something changed; saying the same thing twice changes
/// nothing, and stopping what has ended is no error.
///
/// # Errors
/// [`Refusal`]; nothing changed.
pub fn apply(env: &mut Environment, command: Command, at: DateTime<Utc>) -> Result<bool, Refusal> {
    let before = env.clone();
    let at = at.max(env.last_active_at);
    let refuse = |verb| {
        Err(Refusal {
            state: before.state,
            verb,
        })
    };
    match (before.state, command) {
        (
            State::Stopped | State::Failed,
            Command::Stop(_) | Command::Stopped | Command::Jobs(0),
        ) => {}
        (State::Requested, Command::Assign(runner)) => {
            env.runner = Some(runner);
            env.state = State::Starting;
            env.last_active_at = at;
        }
        (State::Starting, Command::Ready) => {
            begin(env, at);
            env.state = State::Ready;
        }
        // It was used before it was ready, or says so twice.
        (State::Ready | State::Busy | State::Idle | State::Stopping, Command::Ready) => {}
        (State::Requested, Command::Jobs(0)) => {}
        (state, Command::Jobs(jobs)) if state.is_placed() => jobs_are(env, jobs, at),
        (state, Command::Touch) if state.is_open() || state == State::Requested => {
            env.last_active_at = at;
        }
        // Nobody has anything of it.
        (State::Requested, Command::Stop(why)) => end(env, State::Stopped, Some(why), at),
        (State::Stopping, Command::Stop(_)) => {}
        (_, Command::Stop(why)) => {
            env.state = State::Stopping;
            env.why = Some(why);
            env.stopping_at = Some(at);
        }
        (State::Stopping, Command::Stopped) if env.jobs == 0 => end(env, State::Stopped, None, at),
        (State::Stopping, Command::Stopped) => return refuse("ended while a job is in it"),
        (state, Command::Fail(why)) if !state.is_terminal() => {
            env.jobs = 0;
            end(env, State::Failed, Some(why), at);
        }
        (_, Command::Assign(_)) => return refuse("placed"),
        (_, Command::Ready) => return refuse("made ready"),
        (_, Command::Jobs(_)) => return refuse("given a job"),
        (_, Command::Touch) => return refuse("used"),
        (_, Command::Stopped) => return refuse("ended"),
        (_, Command::Fail(_)) => return refuse("failed"),
    }
    Ok(*env != before)
}

fn begin(env: &mut Environment, at: DateTime<Utc>) {
    env.started_at.get_or_insert(at);
    env.last_active_at = at;
}

fn jobs_are(env: &mut Environment, jobs: u32, at: DateTime<Utc>) {
    env.jobs = jobs;
    if jobs > 0 {
        begin(env, at);
    }
    env.state = match (env.state, jobs) {
        (State::Stopping, _) => State::Stopping,
        (State::Busy, 0) => {
            env.last_active_at = at;
            State::Idle
        }
        (state, 0) => state,
        (_, _) => State::Busy,
    };
}

fn end(env: &mut Environment, state: State, why: Option<Why>, at: DateTime<Utc>) {
    env.state = state;
    env.why = why.or(env.why);
    env.stopped_at = Some(at);
}

/// How the runner of an environment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// Connected, and takes work.
    There,
    /// Connected, of a version that knows of no environments: it makes none ready and clears none.
    Unaware,
    /// Connected, and leaves when its jobs have ended.
    Draining,
    /// Not connected since then.
    Away(DateTime<Utc>),
    /// Not believed any more.
    Revoked,
}

/// What is known of an environment's surroundings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Jobs that its runner has taken.
    pub jobs: u32,
    /// Jobs that its runner has or was offered.
    pub offered: u32,
    /// Its runner; of no matter before it has one.
    pub host: Host,
    /// Whether a person asked for it, so that its runner was sent what to prepare.
    pub by_hand: bool,
    /// How long it may be idle.
    pub idle: TimeDelta,
}

/// What is to happen next to an environment, if anything. Applied again and again it comes to rest:
/// every live state either has somebody at work in it or ends within a bound.
#[must_use]
pub fn next(env: &Environment, seen: &Seen, now: DateTime<Utc>) -> Option<Command> {
    let since = |at: DateTime<Utc>| now - at;
    if env.state.is_terminal() {
        return None;
    }
    if env.state == State::Requested {
        let waited = since(env.last_active_at) >= seen.idle;
        return waited.then_some(Command::Stop(Why::IdleTooLong));
    }
    if seen.host == Host::Revoked {
        return Some(Command::Fail(Why::RunnerRevoked));
    }
    if seen.jobs != env.jobs {
        return Some(Command::Jobs(seen.jobs));
    }
    let unused = seen.jobs == 0 && seen.offered == 0;
    match (env.state, seen.host) {
        (State::Stopping, Host::Draining | Host::Unaware) if unused => Some(Command::Stopped),
        (State::Stopping, Host::Away(at)) if unused => {
            (since(at) >= AWAY_SOON).then_some(Command::Stopped)
        }
        (State::Stopping, Host::There) if unused => {
            let from = env.stopping_at.unwrap_or(env.last_active_at);
            let from = from.max(env.last_active_at);
            (since(from) >= STOP_MAX).then_some(Command::Fail(Why::StopTimedOut))
        }
        (State::Stopping, _) => None,
        (_, Host::Draining) => Some(Command::Stop(Why::RunnerDraining)),
        (_, Host::Away(at)) if unused && since(at) >= AWAY_MAX => {
            Some(Command::Fail(Why::RunnerGone))
        }
        (_, Host::Away(_)) => None,
        (State::Starting, _) if unused && !seen.by_hand => Some(Command::Stop(Why::Unused)),
        (State::Starting, _) => (unused && since(env.last_active_at) >= START_MAX)
            .then_some(Command::Fail(Why::StartTimedOut)),
        _ if unused && since(env.last_active_at) >= seen.idle => {
            Some(Command::Stop(Why::IdleTooLong))
        }
        _ => None,
    }
}

/// The whole seconds from `from` to `to` by day (UTC), and until when they were counted: less than a
/// second before `to`. A gap longer than `most` is nobody's: nothing is counted of it.
#[must_use]
pub fn seconds_by_day(
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    most: TimeDelta,
) -> (Vec<(NaiveDate, i64)>, DateTime<Utc>) {
    let whole = (to - from).num_seconds();
    if to - from > most || whole <= 0 {
        return (Vec::new(), if to - from > most { to } else { from });
    }
    let until = from + TimeDelta::seconds(whole);
    let mut days = Vec::new();
    let mut at = from;
    while at < until {
        let day = at.date_naive();
        let midnight = day
            .succ_opt()
            .map_or(until, |next| next.and_time(NaiveTime::MIN).and_utc());
        // A second belongs to the day in which it begins.
        let left = (midnight - at).num_milliseconds();
        let seconds = (left + 999)
            .div_euclid(1000)
            .min((until - at).num_seconds());
        days.push((day, seconds));
        at += TimeDelta::seconds(seconds);
    }
    (days, until)
}

#[cfg(test)]
#[path = "environment_tests.rs"]
mod tests;
