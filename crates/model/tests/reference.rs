//! The life of a run beside a model of it that is small enough to be read at one go: whatever
//! happens, both take or refuse the same, and are in the same place afterwards.
//!
//! The small one knows nothing of reasons, digests or attempts that a person never sees, and of pauses
//! only the longest; it is
//! written by phase, the real one by command, so that one mistake is not in both.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use chrono::{DateTime, Utc};
use freehold_model::run::{
    AWAY_LONGEST, Approval, Command, Fence, JobKind, LAND_ATTEMPTS_MAX, Outcome, Run, State, Work,
    apply,
};
use freehold_model::{JobId, Reason, RunnerId, UserId};
use proptest::prelude::*;

const TRIES: u32 = 3;
/// For so long, in seconds, a remote may be away; and how long the first, second, … pause is.
const DAY: i64 = 86_400;
/// So often it is asked at the least. A history is too short for it: in some, the first try counts for
/// all but two.
const ASKED: usize = 100;
const PAUSES: [i64; 7] = [5, 10, 20, 40, 80, 160, 300];

/// Who has it: the runner, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Holder(u8, i64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    InQueue,
    Offered(Holder),
    AtWork(Holder),
    WithAPerson,
    ToLand,
    Lands(Holder),
    Over(State),
}

#[derive(Debug, Clone)]
struct Small {
    phase: Phase,
    epoch: u32,
    tries: u32,
    landings: u32,
    stopping: bool,
    work: Option<String>,
    yes: Option<String>,
    /// Since when the remote is away, and how often that was found.
    away: Option<(i64, usize)>,
}

impl Small {
    const fn new() -> Self {
        Self {
            phase: Phase::InQueue,
            epoch: 0,
            tries: TRIES,
            landings: 0,
            stopping: false,
            work: None,
            yes: None,
            away: None,
        }
    }

    /// Whether it was taken.
    fn take(&mut self, did: &Did) -> bool {
        let fits = |holder: Holder, fence: (u8, u32)| fence == (holder.0, self.epoch);
        let next = match (self.phase, did) {
            (Phase::InQueue, Did::Dispatch(who, until)) => {
                self.epoch += 1;
                Phase::Offered(Holder(*who, *until))
            }
            (Phase::ToLand, Did::Dispatch(who, until)) => {
                self.epoch += 1;
                self.landings += 1;
                Phase::Lands(Holder(*who, *until))
            }
            (Phase::Offered(holder), Did::Accept(fence)) if fits(holder, *fence) => {
                Phase::AtWork(holder)
            }
            (phase @ (Phase::AtWork(holder) | Phase::Lands(holder)), Did::Accept(fence))
                if fits(holder, *fence) =>
            {
                phase
            }
            (Phase::Offered(holder), Did::Renew(fence, until)) if fits(holder, *fence) => {
                Phase::Offered(later(holder, *until))
            }
            (Phase::AtWork(holder), Did::Renew(fence, until)) if fits(holder, *fence) => {
                Phase::AtWork(later(holder, *until))
            }
            (Phase::Lands(holder), Did::Renew(fence, until)) if fits(holder, *fence) => {
                Phase::Lands(later(holder, *until))
            }
            (Phase::Offered(holder) | Phase::AtWork(holder), Did::Finish(fence, end))
                if fits(holder, *fence) =>
            {
                match self.after_work(*end) {
                    Some(phase) => phase,
                    None => return false,
                }
            }
            (Phase::Lands(holder), Did::Finish(fence, end)) if fits(holder, *fence) => {
                match self.after_landing(*end) {
                    Some(phase) => phase,
                    None => return false,
                }
            }
            (Phase::Offered(holder) | Phase::AtWork(holder), Did::Away(fence, _, now))
                if fits(holder, *fence) =>
            {
                match self.is_worth_a_pause(*now) {
                    _ if self.stopping => Phase::Over(State::Cancelled),
                    true => Phase::InQueue,
                    false if self.work.is_some() => Phase::WithAPerson,
                    false => Phase::Over(State::Failed),
                }
            }
            (Phase::Lands(holder), Did::Away(fence, sent, now)) if fits(holder, *fence) => {
                // What may be on the target is asked for until somebody knows.
                match self.is_worth_a_pause(*now) || *sent || self.landings > 1 {
                    true => {
                        self.landings -= 1;
                        if *sent && self.landings == 0 {
                            self.landings = 1;
                        }
                        Phase::ToLand
                    }
                    false => {
                        self.yes = None;
                        Phase::WithAPerson
                    }
                }
            }
            // Time is never refused.
            (Phase::Offered(holder) | Phase::AtWork(holder), Did::Expire(now))
                if holder.1 <= *now =>
            {
                self.after_loss()
            }
            (Phase::Lands(holder), Did::Expire(now)) if holder.1 <= *now => {
                self.after_lost_landing()
            }
            (phase, Did::Expire(_)) => phase,
            (Phase::WithAPerson, Did::Approve(commit)) if self.work.as_deref() == Some(commit) => {
                self.yes = Some((*commit).into());
                self.landings = 0;
                Phase::ToLand
            }
            // Said twice.
            (
                phase @ (Phase::ToLand | Phase::Lands(_) | Phase::Over(State::Succeeded)),
                Did::Approve(commit),
            ) if self.yes.as_deref() == Some(commit) => phase,
            (Phase::WithAPerson, Did::Reject) => Phase::Over(State::Rejected),
            (Phase::WithAPerson, Did::Reply) => {
                (self.tries, self.yes) = (TRIES, None);
                Phase::InQueue
            }
            (Phase::InQueue | Phase::WithAPerson | Phase::Over(State::Cancelled), Did::Cancel) => {
                Phase::Over(State::Cancelled)
            }
            (Phase::ToLand, Did::Cancel) if self.landings == 0 => Phase::Over(State::Cancelled),
            (phase @ (Phase::Offered(_) | Phase::AtWork(_)), Did::Cancel) => {
                self.stopping = true;
                phase
            }
            (phase @ Phase::Over(_), Did::PutBack) => phase,
            (phase, Did::PutBack) => {
                self.epoch = (self.epoch / 1000 + 1) * 1000;
                (self.yes, self.away) = (None, None);
                match phase {
                    Phase::WithAPerson | Phase::ToLand | Phase::Lands(_) => Phase::WithAPerson,
                    _ if self.stopping => Phase::Over(State::Cancelled),
                    _ => Phase::InQueue,
                }
            }
            _ => return false,
        };
        let is_still_away = matches!(next, Phase::Offered(_) | Phase::AtWork(_) | Phase::Lands(_))
            || matches!(did, Did::Away(..)) && matches!(next, Phase::InQueue | Phase::ToLand)
            || self.phase == next;
        if !is_still_away {
            self.away = None;
        }
        self.phase = next;
        true
    }

    /// Whether the remote may be asked again; it is counted that it was, in vain.
    fn is_worth_a_pause(&mut self, now: i64) -> bool {
        let (since, tries) = self.away.unwrap_or((now, 0));
        let pause = PAUSES[tries.min(PAUSES.len() - 1)];
        self.away = Some((since, tries + 1));
        now + pause - since <= DAY || tries + 1 < ASKED
    }

    fn after_work(&mut self, end: End) -> Option<Phase> {
        if end == End::Lost {
            return Some(self.after_loss());
        }
        let work = match end {
            End::Work(commit) | End::Red(commit) => Some(commit.to_owned()),
            _ => None,
        };
        let had = self.work.is_some();
        if self.stopping {
            self.work = work.or(self.work.take());
            return Some(Phase::Over(State::Cancelled));
        }
        let next = match end {
            End::Work(_) => Phase::WithAPerson,
            End::Red(_) => Phase::Over(State::Rejected),
            End::Nothing | End::Failed if had => Phase::WithAPerson,
            End::Nothing => Phase::Over(State::Succeeded),
            End::Failed => Phase::Over(State::Failed),
            End::Stopped => Phase::Over(State::Cancelled),
            End::Lost | End::Landed | End::Changed(_) | End::Refused => return None,
        };
        self.work = work.or(self.work.take());
        Some(next)
    }

    fn after_landing(&mut self, end: End) -> Option<Phase> {
        match end {
            End::Landed => Some(Phase::Over(State::Succeeded)),
            End::Changed(commit) => {
                (self.work, self.yes) = (Some(commit.to_owned()), None);
                Some(Phase::WithAPerson)
            }
            End::Refused | End::Failed => {
                self.yes = None;
                Some(Phase::WithAPerson)
            }
            End::Lost | End::Stopped => Some(self.after_lost_landing()),
            End::Work(_) | End::Red(_) | End::Nothing => None,
        }
    }

    fn after_loss(&mut self) -> Phase {
        self.tries -= 1;
        match (self.stopping, self.tries, &self.work) {
            (true, ..) => Phase::Over(State::Cancelled),
            (_, 0, Some(_)) => Phase::WithAPerson,
            (_, 0, None) => Phase::Over(State::Failed),
            _ => Phase::InQueue,
        }
    }

    fn after_lost_landing(&mut self) -> Phase {
        if self.landings < LAND_ATTEMPTS_MAX {
            return Phase::ToLand;
        }
        self.yes = None;
        Phase::WithAPerson
    }

    const fn state(&self) -> State {
        match self.phase {
            Phase::InQueue => State::Queued,
            Phase::Offered(_) => State::Dispatching,
            Phase::AtWork(_) => State::Running,
            Phase::WithAPerson => State::Waiting,
            Phase::ToLand | Phase::Lands(_) => State::Landing,
            Phase::Over(state) => state,
        }
    }

    const fn holder(&self) -> Option<Holder> {
        match self.phase {
            Phase::Offered(holder) | Phase::AtWork(holder) | Phase::Lands(holder) => Some(holder),
            _ => None,
        }
    }
}

const fn later(holder: Holder, until: i64) -> Holder {
    Holder(holder.0, if until > holder.1 { until } else { holder.1 })
}

/// How a job ended, by what the small model can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Work(&'static str),
    Red(&'static str),
    Nothing,
    Failed,
    Stopped,
    Lost,
    Landed,
    Changed(&'static str),
    Refused,
}

#[derive(Debug, Clone)]
enum Did {
    Dispatch(u8, i64),
    Accept((u8, u32)),
    Renew((u8, u32), i64),
    Finish((u8, u32), End),
    /// Whether something was sent, and when.
    Away((u8, u32), bool, i64),
    Expire(i64),
    Approve(&'static str),
    Reject,
    Reply,
    Cancel,
    PutBack,
}

fn t(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}
fn runner(n: u8) -> RunnerId {
    RunnerId::at(t(0), [n; 10])
}
fn work(commit: &str) -> Work {
    Work {
        base: None,
        commit: commit.into(),
        digest: commit.into(),
        epoch: 1,
    }
}

/// The same in the real one's words.
fn command(did: &Did) -> Command {
    let fence = |(who, epoch): (u8, u32)| Fence {
        runner: runner(who),
        epoch,
    };
    match did {
        Did::Dispatch(who, until) => Command::Dispatch {
            job: JobId::at(t(0), [*who; 10]),
            runner: runner(*who),
            until: t(*until),
        },
        Did::Accept(given) => Command::Accept(fence(*given)),
        Did::Renew(given, until) => Command::Renew(fence(*given), t(*until)),
        Did::Finish(given, end) => Command::Finish(fence(*given), outcome(*end)),
        Did::Away(given, sent, now) => Command::Away {
            fence: fence(*given),
            sent: *sent,
            now: t(*now),
            chance: u32::MAX,
        },
        Did::Expire(now) => Command::Expire(t(*now)),
        Did::Approve(commit) => Command::Approve(Approval {
            by: UserId::at(t(0), [1; 10]),
            at: t(0),
            commit: (*commit).into(),
            base: None,
            digest: (*commit).into(),
        }),
        Did::Reject => Command::Reject,
        Did::Reply => Command::Reply,
        Did::Cancel => Command::Cancel,
        Did::PutBack => Command::PutBack,
    }
}

fn outcome(end: End) -> Outcome {
    match end {
        End::Work(commit) => Outcome::Work(work(commit)),
        End::Red(commit) => Outcome::ChecksFailed(work(commit)),
        End::Nothing => Outcome::Unchanged { base: None },
        End::Failed => Outcome::Failed {
            reason: Reason::AgentFailed,
        },
        End::Stopped => Outcome::Cancelled,
        End::Lost => Outcome::Lost,
        End::Landed => Outcome::Landed { commit: "m".into() },
        End::Changed(commit) => Outcome::Changed(work(commit)),
        End::Refused => Outcome::Refused {
            reason: Reason::Conflict,
        },
    }
}

/// What is tried next; numbers are chosen so that most of it fits and some does not.
fn tried() -> impl Strategy<Value = (u8, u8, u8, i64)> {
    (0u8..20, 0u8..10, 0u8..9, 0i64..200)
}

fn did(small: &Small, (what, fit, which, time): (u8, u8, u8, i64)) -> Did {
    let held = small
        .holder()
        .map_or((0, small.epoch), |holder| (holder.0, small.epoch));
    let fence = match fit {
        0 => (held.0 + 1, held.1),
        1 => (held.0, held.1.saturating_sub(1)),
        2 => (held.0, held.1 + 1),
        _ => held,
    };
    let ends = [
        End::Work("a"),
        End::Work("b"),
        End::Nothing,
        End::Lost,
        End::Lost,
        End::Lost,
        End::Lost,
        End::Refused,
        End::Changed("d"),
    ];
    // What ends a history is seldom, or most would be short.
    let rare = [End::Red("c"), End::Failed, End::Stopped, End::Landed];
    match what {
        0..=3 => Did::Dispatch(which % 3, time),
        4..=5 => Did::Accept(fence),
        6 => Did::Renew(fence, time),
        7 if fit > 6 => Did::Finish(fence, rare[usize::from(which) % 4]),
        // A day goes by in some of them.
        7 if fit > 3 => Did::Away(fence, which % 2 == 0, time * 600),
        7 => Did::Dispatch(which % 3, time),
        8..=11 => Did::Finish(fence, ends[usize::from(which)]),
        12 => Did::Expire(time),
        13 => Did::Approve(["a", "b", "c", "d"][usize::from(which) % 4]),
        14..=16 => match small.work.as_deref() {
            Some("a") => Did::Approve("a"),
            Some("b") => Did::Approve("b"),
            _ => Did::Approve("d"),
        },
        17 => Did::Reply,
        18 if fit < 3 => Did::Reject,
        18 => Did::Reply,
        _ if fit < 3 => Did::Cancel,
        _ if fit == 3 => Did::PutBack,
        _ => Did::Accept(fence),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]
    #[test]
    fn the_small_model_and_the_real_one_agree(
        tries in prop::collection::vec(tried(), 1..200),
        was_asked in any::<bool>(),
    ) {
        let (mut small, mut real) = (Small::new(), Run::new(TRIES));
        for one in tries {
            let did = did(&small, one);
            let taken = small.take(&did);
            let result = apply(&mut real, command(&did));
            if let (true, Some((_, small @ 1)), Some(real)) = (was_asked, &mut small.away, &mut real.away) {
                (*small, real.tries) = (ASKED - 2, 98);
            }
            prop_assert_eq!(taken, result.is_ok(), "{:?}: {:?}, {:?}", did, small, result);
            prop_assert_eq!(small.state(), real.state, "{:?}", did);
            prop_assert_eq!(small.epoch, real.epoch);
            let lease = real.lease.as_ref();
            let holder = lease.map(|lease| (lease.runner, lease.until));
            prop_assert_eq!(small.holder().map(|Holder(who, until)| (runner(who), t(until))), holder);
            prop_assert_eq!(small.work.as_deref(), real.work.as_ref().map(|work| work.commit.as_str()));
            let since = |(since, tries): (i64, usize)| (t(since), u32::try_from(tries).unwrap());
            prop_assert_eq!(small.away.map(since), real.away.map(|a| (a.since, a.tries)), "{:?}", did);
            if let (Did::Away(_, _, now), Some(again)) = (&did, real.waits_for_remote()) {
                prop_assert!(!taken || again - t(*now) <= AWAY_LONGEST);
            }
            let wants = match small.phase {
                Phase::InQueue => Some(JobKind::Execute),
                Phase::ToLand => Some(JobKind::Land),
                _ => None,
            };
            prop_assert_eq!(wants, real.wants());
            prop_assert_eq!(real.landed.is_some(), real.state == State::Succeeded && small.yes.is_some());
        }
    }
}
