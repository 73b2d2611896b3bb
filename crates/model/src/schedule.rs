//! Which waiting job goes to which runner, and why the others wait. A pure plan from a snapshot.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{CardId, RunId, RunnerId};
use crate::isolation::Isolation;
use crate::reason::Reason;

/// Labels as `key=value` pairs.
pub type Labels = BTreeMap<String, String>;

/// A job that wants a runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The run.
    pub run: RunId,
    /// What the runner must offer.
    pub labels: Labels,
    /// What the runner's machine must be able to set up.
    pub isolation: Isolation,
    /// Cards that must have landed first and have not.
    pub unmet: Vec<CardId>,
}

/// A connected runner that accepts work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The runner.
    pub runner: RunnerId,
    /// What it offers.
    pub labels: Labels,
    /// What was tried on its machine and holds; nothing where it has not said.
    pub isolation: Option<BTreeSet<Isolation>>,
    /// How many more jobs it takes.
    pub free: u32,
}

/// What becomes of one wanted job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placement {
    /// Goes to this runner.
    Place(RunnerId),
    /// Stays queued for this reason; the text names what it lacks, in ids and labels only.
    Wait(Reason, String),
}

/// Places `wanted` in the order given (oldest first), each on the fitting runner with the most
/// room, ties by id. Never gives a runner more than its `free`.
#[must_use]
pub fn place(wanted: &[Wanted], offers: &[Offer]) -> Vec<(RunId, Placement)> {
    let mut free: BTreeMap<RunnerId, u32> = offers.iter().map(|o| (o.runner, o.free)).collect();
    wanted
        .iter()
        .map(|job| (job.run, place_one(job, offers, &mut free)))
        .collect()
}

fn place_one(job: &Wanted, offers: &[Offer], free: &mut BTreeMap<RunnerId, u32>) -> Placement {
    if !job.unmet.is_empty() {
        let cards: Vec<String> = job.unmet.iter().map(ToString::to_string).collect();
        let detail = format!("waits for {}", cards.join(", "));
        return Placement::Wait(Reason::DependencyUnmet, detail);
    }
    if offers.is_empty() {
        return Placement::Wait(Reason::NoRunner, "no runner is connected".into());
    }
    let fitting: Vec<&Offer> = offers.iter().filter(|o| fits(&job.labels, o)).collect();
    if fitting.is_empty() {
        return Placement::Wait(Reason::NoRunnerWithLabel, lacking(&job.labels));
    }
    let fitting: Vec<&Offer> = fitting
        .into_iter()
        .filter(|offer| keeps_apart(job.isolation, offer))
        .collect();
    if fitting.is_empty() {
        let detail = format!(
            "no connected runner can set up the isolation `{}`",
            job.isolation
        );
        return Placement::Wait(Reason::NoRunnerWithIsolation, detail);
    }
    let room = |offer: &&&Offer| free.get(&offer.runner).copied().unwrap_or(0);
    let best = fitting
        .iter()
        .filter(|offer| room(offer) > 0)
        .max_by_key(|offer| (room(offer), std::cmp::Reverse(offer.runner)));
    match best {
        Some(offer) => {
            free.entry(offer.runner).and_modify(|n| *n -= 1);
            Placement::Place(offer.runner)
        }
        None => Placement::Wait(
            Reason::RunnersBusy,
            format!("{} fitting runner(s), all busy", fitting.len()),
        ),
    }
}

fn fits(wanted: &Labels, offer: &Offer) -> bool {
    wanted
        .iter()
        .all(|(key, value)| offer.labels.get(key) == Some(value))
}

/// A plain process needs nothing of a machine but its owner's word, which the runner asks for. A
/// runner that has not said what it can has the sandbox or refuses by itself.
fn keeps_apart(wanted: Isolation, offer: &Offer) -> bool {
    match &offer.isolation {
        _ if !wanted.is_sandboxed() => true,
        Some(holds) => holds.contains(&wanted),
        None => wanted == Isolation::Sandbox,
    }
}

fn lacking(labels: &Labels) -> String {
    let labels: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
    format!("no runner offers label {}", labels.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn runner(n: u8) -> RunnerId {
        RunnerId::at(DateTime::UNIX_EPOCH, [n; 10])
    }
    fn run(n: u8) -> RunId {
        RunId::at(DateTime::UNIX_EPOCH, [n; 10])
    }
    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect()
    }
    fn wanted(n: u8, pairs: &[(&str, &str)]) -> Wanted {
        Wanted {
            run: run(n),
            labels: labels(pairs),
            isolation: Isolation::Sandbox,
            unmet: vec![],
        }
    }
    fn offer(n: u8, pairs: &[(&str, &str)], free: u32) -> Offer {
        Offer {
            runner: runner(n),
            labels: labels(pairs),
            isolation: None,
            free,
        }
    }

    #[test]
    fn oldest_first_never_more_than_free() {
        let plan = place(&[wanted(1, &[]), wanted(2, &[])], &[offer(9, &[], 1)]);
        assert_eq!(plan[0].1, Placement::Place(runner(9)));
        assert!(matches!(plan[1].1, Placement::Wait(Reason::RunnersBusy, _)));
    }

    #[test]
    fn a_label_that_nobody_offers_is_named() {
        let plan = place(
            &[wanted(1, &[("gpu", "a100")])],
            &[offer(9, &[("gpu", "none")], 4)],
        );
        let Placement::Wait(reason, detail) = &plan[0].1 else {
            panic!("{plan:?}")
        };
        assert_eq!(*reason, Reason::NoRunnerWithLabel);
        assert_eq!(detail, "no runner offers label gpu=a100");
    }

    #[test]
    fn an_unmet_dependency_is_named_before_anything_else() {
        let card = CardId::at(DateTime::UNIX_EPOCH, [3; 10]);
        let job = Wanted {
            unmet: vec![card],
            ..wanted(1, &[])
        };
        let plan = place(&[job], &[]);
        assert_eq!(
            plan[0].1,
            Placement::Wait(Reason::DependencyUnmet, format!("waits for {card}"))
        );
    }

    #[test]
    fn an_isolation_that_no_machine_has_is_named() {
        use Isolation::{None as Plain, Sandbox, Vm, Worktree};
        let job = |isolation| Wanted {
            isolation,
            ..wanted(1, &[])
        };
        let on = |holds: Option<&[Isolation]>| Offer {
            isolation: holds.map(|holds| holds.iter().copied().collect()),
            ..offer(9, &[], 1)
        };
        let fits = |isolation, holds| {
            let plan = place(&[job(isolation)], &[on(holds)]);
            matches!(plan[0].1, Placement::Place(_))
        };
        assert!(fits(Sandbox, None) && fits(Sandbox, Some(&[Sandbox])));
        assert!(!fits(Vm, None), "a silent one has no more than the sandbox");
        // Not a stronger one in its place: an agent may need what only the other has.
        assert!(!fits(Sandbox, Some(&[Vm])) && !fits(Vm, Some(&[Sandbox])));
        assert!(!fits(Sandbox, Some(&[])));
        assert!(fits(Plain, Some(&[])) && fits(Worktree, None));
        let plan = place(&[job(Vm)], &[on(Some(&[Sandbox]))]);
        let Placement::Wait(Reason::NoRunnerWithIsolation, detail) = &plan[0].1 else {
            panic!("{plan:?}")
        };
        assert_eq!(detail, "no connected runner can set up the isolation `vm`");
    }

    #[test]
    fn the_runner_with_more_room_wins() {
        let plan = place(&[wanted(1, &[])], &[offer(1, &[], 1), offer(2, &[], 3)]);
        assert_eq!(plan[0].1, Placement::Place(runner(2)));
    }
}
