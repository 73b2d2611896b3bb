//! The life cycle of a run, as one pure function. The server applies it to a locked row inside
//! a transaction; nothing else changes a run's state.
//!
//! ```text
//! queued ─▶ dispatching ─▶ running ─▶ waiting ─▶ landing ─▶ succeeded
//!   ▲            │            │          │  ▲        │
//!   └── lost ────┴────────────┘          │  └ refused┘
//!   └───────────────── reply ────────────┘
//! ```
//!
//! Any live state may end in `failed`, `cancelled` or `rejected`. `lost` is an event, not a
//! state: the run is queued again under the next epoch until its attempts are used up. `away` is one
//! too: the remote could not be reached, and the run is queued again, not before a time.

mod away;
mod state;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{JobId, RunnerId, UserId};
use crate::reason::Reason;

pub use away::{AWAY_FIRST, AWAY_LONGEST, AWAY_MAX, AWAY_TRIES, Away, pause};
pub use state::State;

/// Landings that were lost or had to be repeated before a person is asked again.
pub const LAND_ATTEMPTS_MAX: u32 = 5;

/// A database that was put back leaves out this many epochs: more than any run takes between a backup
/// and the loss of what came after it, each being a lease.
pub const EPOCHS_LEFT_OUT: u32 = 1000;

/// What a lease is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobKind {
    /// Stage, set up, run the agent, collect, check.
    Execute,
    /// Merge, check the result, push.
    Land,
}

/// The server's promise to one runner: this job is yours until then, under this epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The job.
    pub job: JobId,
    /// What it is.
    pub kind: JobKind,
    /// Who holds it.
    pub runner: RunnerId,
    /// Whether the runner has said that it accepts.
    pub accepted: bool,
    /// When it ends unless renewed.
    pub until: DateTime<Utc>,
}

/// What the agent's work came to, as the runner found it. Object names and a digest only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// The commit it started from; none in an empty remote.
    pub base: Option<String>,
    /// The last commit of the work.
    pub commit: String,
    /// `git patch-id --stable` of base..commit.
    pub digest: String,
    /// The epoch whose ref on the client's remote holds `commit`.
    pub epoch: u32,
}

/// A person's yes, bound to exactly what they saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub by: UserId,
    /// When.
    pub at: DateTime<Utc>,
    /// The head that was approved.
    pub commit: String,
    /// The base it was seen against.
    pub base: Option<String>,
    /// The digest of the difference.
    pub digest: String,
}

/// Everything the life cycle decides on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Where it is.
    pub state: State,
    /// Why, where there is something to say.
    pub reason: Option<Reason>,
    /// The fence: raised by every lease, never lowered.
    pub epoch: u32,
    /// Which try of the present turn this is, from 1.
    pub attempt: u32,
    /// How many tries there are.
    pub attempts_max: u32,
    /// Tries to land since the last approval.
    pub land_attempt: u32,
    /// Replies given so far.
    pub turn: u32,
    /// Who holds it now.
    pub lease: Option<Lease>,
    /// A person asked to stop it.
    pub cancel_requested: bool,
    /// The work, once there is some.
    pub work: Option<Work>,
    /// The yes that lets it land.
    pub approval: Option<Approval>,
    /// The commit on the target that brought the work in.
    pub landed: Option<String>,
    /// The last epoch that was known when the database was put back to an earlier time, until a job
    /// has looked at what the remote knows of later ones.
    pub known_epoch: Option<u32>,
    /// The remote was away when the last job asked for it.
    pub away: Option<Away>,
}

impl Run {
    /// A run that was just asked for.
    #[must_use]
    pub const fn new(attempts_max: u32) -> Self {
        Self {
            state: State::Queued,
            reason: None,
            epoch: 0,
            attempt: 1,
            attempts_max,
            land_attempt: 0,
            turn: 0,
            lease: None,
            cancel_requested: false,
            work: None,
            approval: None,
            landed: None,
            known_epoch: None,
            away: None,
        }
    }

    /// When the remote is asked again, where it is the remote that the run waits for.
    #[must_use]
    pub const fn waits_for_remote(&self) -> Option<DateTime<Utc>> {
        match (&self.away, &self.lease, self.reason) {
            (Some(away), None, Some(Reason::RemoteUnreachable)) => Some(away.again),
            _ => None,
        }
    }

    /// What kind of job it wants a runner for, if it wants one now, or once it is time
    /// ([`Away::again`]).
    #[must_use]
    pub const fn wants(&self) -> Option<JobKind> {
        match (self.state, &self.lease) {
            (State::Queued, _) => Some(JobKind::Execute),
            (State::Landing, None) => Some(JobKind::Land),
            _ => None,
        }
    }
}

/// How a job ended, in the runner's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// Work is there and every check is green.
    Work(Work),
    /// The agent changed nothing.
    Unchanged {
        /// What it started from.
        base: Option<String>,
    },
    /// Work is there and a check is red.
    ChecksFailed(Work),
    /// It could not be done.
    Failed {
        /// Why.
        reason: Reason,
    },
    /// Stopped as asked.
    Cancelled,
    /// The runner lost it (it restarted) and nobody works on it.
    Lost,
    /// The remote is away, and nothing is lost if all of it is done again later. Whoever knows the time
    /// says it by [`Command::Away`]; as a plain end it is the last one.
    Away {
        /// A push may have reached the remote, and its outcome is to be read there.
        sent: bool,
    },
    /// The work is on the target.
    Landed {
        /// The commit on the target that brought it in.
        commit: String,
    },
    /// Brought onto the target as it is now, the approved work is another change. It is not
    /// landed; here it is, to be looked at and approved anew.
    Changed(Work),
    /// The work is not on the target; a person must look.
    Refused {
        /// Why.
        reason: Reason,
    },
}

/// What can happen to a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A runner was chosen.
    Dispatch {
        /// The new job.
        job: JobId,
        /// The runner.
        runner: RunnerId,
        /// End of the lease unless renewed.
        until: DateTime<Utc>,
    },
    /// The runner took the job.
    Accept(Fence),
    /// The runner is alive and still on it.
    Renew(Fence, DateTime<Utc>),
    /// The job ended.
    Finish(Fence, Outcome),
    /// The job ended because the remote is away, see [`Outcome::Away`]: it is tried again later.
    Away {
        /// Who says so.
        fence: Fence,
        /// A push may have reached the remote.
        sent: bool,
        /// When.
        now: DateTime<Utc>,
        /// Any number: spreads those that come back.
        chance: u32,
    },
    /// The lease ran out at this time.
    Expire(DateTime<Utc>),
    /// A person says yes.
    Approve(Approval),
    /// A person says no.
    Reject,
    /// A person answers; the agent goes on.
    Reply,
    /// A person wants it stopped.
    Cancel,
    /// The database was put back to an earlier time: what happened since is not known here.
    PutBack,
}

/// Who claims to act, under which epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// The runner.
    pub runner: RunnerId,
    /// The epoch it was given.
    pub epoch: u32,
}

/// What a transition has to say to those who watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The state is new.
    Entered(State),
    /// A runner was lost and the job goes back to the queue.
    Lost,
    /// The remote is away and the job goes back to the queue, not before a time.
    Away,
    /// The holder must be told to stop.
    Stop,
}

/// Why a command was not applied. Nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Somebody else holds the run by now, or nobody.
    #[error("epoch {given} no longer holds this run (it is at {current})")]
    Fenced {
        /// The epoch that asked.
        given: u32,
        /// The epoch of the run.
        current: u32,
    },
    /// Not possible in this state.
    #[error("a run that is {state} cannot be {verb}")]
    State {
        /// Where it is.
        state: State,
        /// What was asked, as a participle.
        verb: &'static str,
    },
    /// The approval names another commit than the one that waits.
    #[error("the run's commit is {actual}, not {given}")]
    Commit {
        /// What waits.
        actual: String,
        /// What was approved.
        given: String,
    },
}

/// Applies `command` to `run`. On success the run is changed in place and the effects say what
/// to tell others; an empty list means that nothing changed (a repetition). On refusal `run` is
/// untouched.
///
/// # Errors
/// [`Refusal`], always without a change.
pub fn apply(run: &mut Run, command: Command) -> Result<Vec<Effect>, Refusal> {
    match command {
        Command::Dispatch { job, runner, until } => dispatch(run, job, runner, until),
        Command::Accept(fence) => accept(run, fence),
        Command::Renew(fence, until) => renew(run, fence, until),
        Command::Finish(fence, outcome) => finish(run, fence, outcome),
        Command::Away {
            fence,
            sent,
            now,
            chance,
        } => away::away(run, fence, sent, now, chance),
        Command::Expire(now) => Ok(expire(run, now)),
        Command::Approve(approval) => approve(run, approval),
        Command::Reject => match run.state {
            State::Waiting => Ok(end(run, State::Rejected, Some(Reason::RejectedByPerson))),
            _ => Err(wrong(run, "rejected")),
        },
        Command::Reply => reply(run),
        Command::Cancel => cancel(run),
        Command::PutBack => Ok(put_back(run)),
    }
}

fn wrong(run: &Run, verb: &'static str) -> Refusal {
    Refusal::State {
        state: run.state,
        verb,
    }
}

fn enter(run: &mut Run, state: State, reason: Option<Reason>) -> Vec<Effect> {
    run.state = state;
    run.reason = reason;
    vec![Effect::Entered(state)]
}

fn end(run: &mut Run, state: State, reason: Option<Reason>) -> Vec<Effect> {
    debug_assert!(state.is_terminal());
    (run.lease, run.away) = (None, None);
    enter(run, state, reason)
}

fn held(run: &mut Run, fence: Fence) -> Result<&mut Lease, Refusal> {
    let current = run.epoch;
    match &mut run.lease {
        Some(lease) if lease.runner == fence.runner && current == fence.epoch => Ok(lease),
        _ => Err(Refusal::Fenced {
            given: fence.epoch,
            current,
        }),
    }
}

fn dispatch(
    run: &mut Run,
    job: JobId,
    runner: RunnerId,
    until: DateTime<Utc>,
) -> Result<Vec<Effect>, Refusal> {
    let Some(kind) = run.wants() else {
        return Err(wrong(run, "dispatched"));
    };
    run.epoch += 1;
    run.lease = Some(Lease {
        job,
        kind,
        runner,
        accepted: false,
        until,
    });
    Ok(match kind {
        JobKind::Execute => enter(run, State::Dispatching, None),
        JobKind::Land => {
            run.land_attempt += 1;
            enter(run, State::Landing, None)
        }
    })
}

fn accept(run: &mut Run, fence: Fence) -> Result<Vec<Effect>, Refusal> {
    let lease = held(run, fence)?;
    if lease.accepted {
        return Ok(vec![]);
    }
    lease.accepted = true;
    Ok(match lease.kind {
        JobKind::Execute => enter(run, State::Running, None),
        JobKind::Land => vec![],
    })
}

fn renew(run: &mut Run, fence: Fence, until: DateTime<Utc>) -> Result<Vec<Effect>, Refusal> {
    let lease = held(run, fence)?;
    lease.until = lease.until.max(until);
    Ok(vec![])
}

fn finish(run: &mut Run, fence: Fence, outcome: Outcome) -> Result<Vec<Effect>, Refusal> {
    let kind = held(run, fence)?.kind;
    let (outcome, has_looked) = match outcome {
        Outcome::Lost => return Ok(lost(run)),
        Outcome::Away { .. } => (away::for_good(), false),
        other => (other, true),
    };
    let effects = match kind {
        JobKind::Execute => finish_execute(run, outcome),
        JobKind::Land => finish_land(run, outcome),
    }?;
    // The job has looked at the remote, and a person hears what it found.
    run.known_epoch = run.known_epoch.filter(|_| !has_looked);
    run.away = None;
    Ok(effects)
}

fn finish_execute(run: &mut Run, outcome: Outcome) -> Result<Vec<Effect>, Refusal> {
    if run.cancel_requested {
        // What was done stays named, so that a person can still find it on the remote.
        if let Outcome::Work(work) | Outcome::ChecksFailed(work) = outcome {
            run.work = Some(work);
        }
        return Ok(end(run, State::Cancelled, Some(Reason::Cancelled)));
    }
    match outcome {
        Outcome::Work(work) => {
            run.work = Some(work);
            run.lease = None;
            Ok(enter(run, State::Waiting, None))
        }
        // A later turn that adds nothing leaves the earlier turn's work to decide on.
        Outcome::Unchanged { .. } if run.work.is_some() => {
            run.lease = None;
            Ok(enter(run, State::Waiting, None))
        }
        Outcome::Unchanged { .. } => Ok(end(run, State::Succeeded, Some(Reason::NoChange))),
        Outcome::ChecksFailed(work) => {
            run.work = Some(work);
            Ok(end(run, State::Rejected, Some(Reason::Checks)))
        }
        // A later turn that fails leaves the earlier turn's work to decide on.
        Outcome::Failed { reason } if run.work.is_some() => {
            run.lease = None;
            Ok(enter(run, State::Waiting, Some(reason)))
        }
        Outcome::Failed { reason } => Ok(end(run, State::Failed, Some(reason))),
        Outcome::Cancelled => Ok(end(run, State::Cancelled, Some(Reason::Cancelled))),
        Outcome::Landed { .. } | Outcome::Refused { .. } | Outcome::Changed(_) => {
            Err(wrong(run, "landed"))
        }
        Outcome::Lost | Outcome::Away { .. } => Ok(lost(run)),
    }
}

fn finish_land(run: &mut Run, outcome: Outcome) -> Result<Vec<Effect>, Refusal> {
    match outcome {
        Outcome::Landed { commit } => {
            run.landed = Some(commit);
            Ok(end(run, State::Succeeded, None))
        }
        Outcome::Changed(work) => {
            run.work = Some(work);
            run.lease = None;
            run.approval = None;
            Ok(enter(run, State::Waiting, Some(Reason::DiffChanged)))
        }
        Outcome::Refused { reason } | Outcome::Failed { reason } => {
            run.lease = None;
            run.approval = None;
            Ok(enter(run, State::Waiting, Some(reason)))
        }
        Outcome::Cancelled => Ok(lost(run)),
        _ => Err(wrong(run, "finished with new work")),
    }
}

fn expire(run: &mut Run, now: DateTime<Utc>) -> Vec<Effect> {
    match &run.lease {
        Some(lease) if lease.until <= now => lost(run),
        _ => vec![],
    }
}

/// The holder is gone. The epoch stays as the fence against its return; the next lease raises it.
fn lost(run: &mut Run) -> Vec<Effect> {
    let Some(lease) = run.lease.take() else {
        return vec![];
    };
    // What it found at the remote nobody knows.
    run.away = None;
    let mut effects = vec![Effect::Lost];
    effects.extend(match lease.kind {
        JobKind::Land if run.land_attempt >= LAND_ATTEMPTS_MAX => {
            run.approval = None;
            enter(run, State::Waiting, Some(Reason::RunnerLost))
        }
        JobKind::Land => {
            run.reason = Some(Reason::RunnerLost);
            vec![]
        }
        JobKind::Execute if run.cancel_requested => {
            end(run, State::Cancelled, Some(Reason::Cancelled))
        }
        JobKind::Execute if run.attempt >= run.attempts_max && run.work.is_some() => {
            enter(run, State::Waiting, Some(Reason::AttemptsExhausted))
        }
        JobKind::Execute if run.attempt >= run.attempts_max => {
            end(run, State::Failed, Some(Reason::AttemptsExhausted))
        }
        JobKind::Execute => {
            run.attempt += 1;
            enter(run, State::Queued, Some(Reason::RunnerLost))
        }
    });
    effects
}

fn approve(run: &mut Run, approval: Approval) -> Result<Vec<Effect>, Refusal> {
    let given = &approval.commit;
    let same = run.approval.as_ref().is_some_and(|a| &a.commit == given);
    match (run.state, &run.work) {
        (State::Waiting, Some(work)) if &work.commit != given => Err(Refusal::Commit {
            actual: work.commit.clone(),
            given: given.clone(),
        }),
        (State::Waiting, Some(_)) => {
            run.approval = Some(approval);
            run.land_attempt = 0;
            Ok(enter(run, State::Landing, None))
        }
        // Said twice: one effect.
        (State::Landing | State::Succeeded, Some(_)) if same => Ok(vec![]),
        _ => Err(wrong(run, "approved")),
    }
}

fn reply(run: &mut Run) -> Result<Vec<Effect>, Refusal> {
    if run.state != State::Waiting {
        return Err(wrong(run, "replied to"));
    }
    run.turn += 1;
    run.attempt = 1;
    run.approval = None;
    Ok(enter(run, State::Queued, None))
}

fn cancel(run: &mut Run) -> Result<Vec<Effect>, Refusal> {
    match run.state {
        State::Queued | State::Waiting => {
            run.cancel_requested = true;
            Ok(end(run, State::Cancelled, Some(Reason::Cancelled)))
        }
        State::Dispatching | State::Running if run.cancel_requested => Ok(vec![]),
        State::Dispatching | State::Running => {
            run.cancel_requested = true;
            Ok(vec![Effect::Stop])
        }
        // Approved, and no runner has had it: nothing is on its way to the target.
        State::Landing if run.lease.is_none() && run.land_attempt == 0 => {
            run.cancel_requested = true;
            Ok(end(run, State::Cancelled, Some(Reason::Cancelled)))
        }
        State::Cancelled => Ok(vec![]),
        // A push may be on its way: what is landing is landed or refused, never half stopped.
        _ => Err(wrong(run, "cancelled")),
    }
}

/// Whatever holds the run under an epoch that is not known here is fenced: the run goes on behind all
/// of them. A yes of a time that is lost may have been taken back since, so it counts no more.
fn put_back(run: &mut Run) -> Vec<Effect> {
    if run.state.is_terminal() {
        return vec![];
    }
    run.known_epoch = run.known_epoch.or(Some(run.epoch));
    run.epoch = (run.epoch / EPOCHS_LEFT_OUT + 1) * EPOCHS_LEFT_OUT;
    (run.lease, run.away) = (None, None);
    run.approval = None;
    let why = Some(Reason::DatabaseWentBack);
    match run.state {
        State::Waiting | State::Landing => enter(run, State::Waiting, why),
        _ if run.cancel_requested => end(run, State::Cancelled, Some(Reason::Cancelled)),
        _ => enter(run, State::Queued, why),
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
