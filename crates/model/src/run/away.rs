//! A remote that is away: the run goes back into the queue, not before a time, and holds nothing and
//! nobody meanwhile. It is asked again with growing pauses, for a day; such a try is none of those
//! that a run has.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{Effect, Fence, JobKind, Outcome, Refusal, Run, State, end, enter, finish, held};
use crate::reason::Reason;

/// The first pause: a remote that is started anew is there again within seconds.
pub const AWAY_FIRST: TimeDelta = TimeDelta::seconds(5);
/// The longest pause: nobody waits for more than this once the remote is there again.
pub const AWAY_LONGEST: TimeDelta = TimeDelta::minutes(5);
/// After so long a person has to look: the address may be wrong, or the remote gone for good. With the
/// longest pause that is some 300 tries, each with an epoch, far fewer than [`super::EPOCHS_LEFT_OUT`].
pub const AWAY_MAX: TimeDelta = TimeDelta::hours(24);
/// So often it must have been asked in vain as well: a weekend in which no runner was there to ask says
/// nothing of the remote. With the longest pause that is six hours.
pub const AWAY_TRIES: u32 = 100;

/// The remote could not be reached by the last job, nor by those before it since a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Away {
    /// When it was first found to be away.
    pub since: DateTime<Utc>,
    /// How often it was asked in vain since.
    pub tries: u32,
    /// It is not asked again before.
    pub again: DateTime<Utc>,
}

/// The pause behind the try of this number, counted from 1: twice the one before, up to
/// [`AWAY_LONGEST`], and of that between the half and all, as `chance` (any number) says, so that runs
/// which found the same remote away do not all come back at once.
#[must_use]
pub fn pause(tries: u32, chance: u32) -> TimeDelta {
    // Five seconds doubled seven times are more than the longest pause.
    let doubled = AWAY_FIRST * (1 << tries.saturating_sub(1).min(7));
    let half = doubled.min(AWAY_LONGEST) / 2;
    let share = i64::from(chance) * half.num_milliseconds() / i64::from(u32::MAX);
    half + TimeDelta::milliseconds(share)
}

/// How a job ends that asked for the last time.
pub(super) const fn for_good() -> Outcome {
    Outcome::Failed {
        reason: Reason::RemoteUnreachable,
    }
}

/// The holder's job is over because the remote is away.
pub(super) fn away(
    run: &mut Run,
    fence: Fence,
    sent: bool,
    now: DateTime<Utc>,
    chance: u32,
) -> Result<Vec<Effect>, Refusal> {
    let kind = held(run, fence)?.kind;
    if kind == JobKind::Execute && run.cancel_requested {
        return Ok(end(run, State::Cancelled, Some(Reason::Cancelled)));
    }
    let (since, tries) = match run.away {
        Some(before) => (before.since, before.tries.saturating_add(1)),
        None => (now, 1),
    };
    let again = now + pause(tries, chance);
    // What may have been pushed is asked for until somebody can say: given up, it would look as if it
    // could be called off.
    let may_be_there = kind == JobKind::Land && (sent || run.land_attempt > 1);
    if again - since > AWAY_MAX && tries >= AWAY_TRIES && !may_be_there {
        return finish(run, fence, Outcome::Away { sent });
    }
    run.lease = None;
    run.away = Some(Away {
        since,
        tries,
        again,
    });
    let why = Some(Reason::RemoteUnreachable);
    let mut effects = vec![Effect::Away];
    match kind {
        JobKind::Execute => effects.extend(enter(run, State::Queued, why)),
        JobKind::Land => {
            // What may have been pushed is never again as if no runner had had it.
            let before = run.land_attempt.saturating_sub(1);
            run.land_attempt = before.max(u32::from(sent));
            run.reason = why;
        }
    }
    Ok(effects)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_bound_and_differ_by_chance() {
        let ms = |tries, chance| pause(tries, chance).num_milliseconds();
        assert_eq!((ms(1, 0), ms(1, u32::MAX)), (2500, 5000));
        assert_eq!((ms(2, 0), ms(2, u32::MAX)), (5000, 10_000));
        assert_eq!((ms(6, 0), ms(6, u32::MAX)), (80_000, 160_000));
        for tries in [7, 8, 40, u32::MAX] {
            assert_eq!((ms(tries, 0), ms(tries, u32::MAX)), (150_000, 300_000));
        }
        assert_eq!(ms(0, 0), 2500, "counted from 1");
        assert!(ms(7, u32::MAX / 2) > 200_000 && ms(7, u32::MAX / 2) < 250_000);
    }

    #[test]
    fn a_day_of_tries_takes_fewer_epochs_than_are_left_out() {
        let shortest = AWAY_LONGEST / 2;
        let tries = AWAY_MAX.num_seconds() / shortest.num_seconds();
        assert!(tries + 10 < i64::from(super::super::EPOCHS_LEFT_OUT));
    }
}
