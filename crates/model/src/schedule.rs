//! Which waiting job goes to which runner, and why the others wait. A pure plan from a snapshot.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::{DateTime, Utc};

use crate::id::{CardId, ProjectId, RunId, RunnerId};
use crate::isolation::Isolation;
use crate::reason::Reason;

/// Labels as `key=value` pairs.
pub type Labels = BTreeMap<String, String>;

/// What a project may have of its tenant's runners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// How many jobs it may have for one of a project whose share is 1.
    pub share: u32,
    /// How many it has.
    pub held: u32,
}

impl Share {
    /// Whether it has less of what is its own than the other.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let of = |held: u32, share: u32| u64::from(held) * u64::from(share.max(1));
        of(self.held, other.share).cmp(&of(other.held, self.share))
    }
}

/// A job that wants a runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The run.
    pub run: RunId,
    /// Its project.
    pub project: ProjectId,
    /// Its place in line.
    pub rank: DateTime<Utc>,
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
    /// Projects that have an environment there which takes jobs.
    pub warm: BTreeSet<ProjectId>,
    /// Projects whose environment there is being stopped: no other begins before it has ended.
    pub closing: BTreeSet<ProjectId>,
}

/// How many environments a tenant may have, and how many jobs may be under way, at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// The plan that says so, in a word.
    pub plan: String,
    /// How many there may be.
    pub most: u32,
    /// How many have a place now.
    pub placed: u32,
    /// How many jobs may be under way, on all runners; none is as many as they take.
    pub jobs_most: Option<u32>,
    /// How many are.
    pub jobs: u32,
}

impl Allowance {
    /// Whether one more may begin.
    #[must_use]
    pub const fn has_room(&self) -> bool {
        self.placed < self.most
    }

    /// How many jobs may be under way, where there are that many.
    fn jobs_reached(&self) -> Option<String> {
        let most = self.jobs_most.filter(|most| self.jobs >= *most)?;
        let jobs = self.jobs;
        Some(format!("{jobs} of {most} runs at a time are under way"))
    }

    /// What stands in the way of one more environment, in words.
    #[must_use]
    pub fn reached(&self) -> String {
        format!(
            "{} of {} environments of the plan `{}` are in use",
            self.placed, self.most, self.plan
        )
    }
}

/// What becomes of one wanted job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placement {
    /// Goes to this runner.
    Place(RunnerId),
    /// Stays queued for this reason; the text names what it lacks, in ids and labels only.
    Wait(Reason, String),
}

/// Places `wanted`, each on a fitting runner that has room: where the project's environment is, else
/// where there is the most room, ties by id. Never gives a runner more than its `free`, and begins no
/// environment and no job beyond the allowance.
///
/// Whose turn it is: the project's that has the least of its share (`shares`; one that is not there has
/// a share of 1 and nothing yet), among those the one whose first job is first in line. So every
/// project with something to do gets its part however much the others ask for, none waits for ever, and
/// what one does not use the others have.
#[must_use]
pub fn place(
    wanted: &[Wanted],
    offers: &[Offer],
    allowance: &Allowance,
    shares: &BTreeMap<ProjectId, Share>,
) -> Vec<(RunId, Placement)> {
    let mut offers = offers.to_vec();
    let mut allowance = allowance.clone();
    let mut lines: BTreeMap<ProjectId, (Share, VecDeque<&Wanted>)> = BTreeMap::new();
    let mut in_line: Vec<&Wanted> = wanted.iter().collect();
    in_line.sort_by_key(|job| (job.rank, job.run));
    for job in in_line {
        let new = || {
            let none = Share { share: 1, held: 0 };
            let share = shares.get(&job.project).copied().unwrap_or(none);
            (share, VecDeque::new())
        };
        lines
            .entry(job.project)
            .or_insert_with(new)
            .1
            .push_back(job);
    }
    let mut plan = Vec::with_capacity(wanted.len());
    while let Some((share, line)) = next(&mut lines)
        && let Some(job) = line.pop_front()
    {
        let placement = place_one(job, &mut offers, &mut allowance);
        if matches!(placement, Placement::Place(_)) {
            share.held = share.held.saturating_add(1);
        }
        plan.push((job.run, placement));
    }
    plan
}

/// Whose turn it is.
fn next<'a, 'w>(
    lines: &'a mut BTreeMap<ProjectId, (Share, VecDeque<&'w Wanted>)>,
) -> Option<&'a mut (Share, VecDeque<&'w Wanted>)>
where
    'w: 'a,
{
    let first = |line: &VecDeque<&Wanted>| line.front().map(|job| (job.rank, job.run));
    lines
        .values_mut()
        .filter(|(_, line)| !line.is_empty())
        .min_by(|a, b| a.0.cmp(&b.0).then_with(|| first(&a.1).cmp(&first(&b.1))))
}

fn place_one(job: &Wanted, offers: &mut [Offer], allowance: &mut Allowance) -> Placement {
    if !job.unmet.is_empty() {
        let cards: Vec<String> = job.unmet.iter().map(ToString::to_string).collect();
        let detail = format!("waits for {}", cards.join(", "));
        return Placement::Wait(Reason::DependencyUnmet, detail);
    }
    if offers.is_empty() {
        return Placement::Wait(Reason::NoRunner, "no runner is connected".into());
    }
    let fitting: Vec<&mut Offer> = offers
        .iter_mut()
        .filter(|offer| fits(&job.labels, offer))
        .collect();
    if fitting.is_empty() {
        return Placement::Wait(Reason::NoRunnerWithLabel, lacking(&job.labels));
    }
    let fitting: Vec<&mut Offer> = fitting
        .into_iter()
        .filter(|offer| keeps_apart(job.isolation, offer))
        .collect();
    if fitting.is_empty() {
        let detail = not_kept_apart(job.isolation);
        return Placement::Wait(Reason::NoRunnerWithIsolation, detail);
    }
    let count = fitting.len();
    let open: Vec<&mut Offer> = fitting
        .into_iter()
        .filter(|offer| !offer.closing.contains(&job.project))
        .collect();
    if open.is_empty() {
        let detail = "the project's environment is being stopped".to_owned();
        return Placement::Wait(Reason::EnvironmentStopping, detail);
    }
    let is_warm = |offer: &Offer| offer.warm.contains(&job.project);
    let best = open
        .into_iter()
        .filter(|offer| offer.free > 0)
        .max_by_key(|offer| (is_warm(offer), offer.free, std::cmp::Reverse(offer.runner)));
    let full = allowance.jobs_reached();
    match (best, full) {
        (Some(_), Some(full)) => Placement::Wait(Reason::RunLimit, full),
        (Some(offer), None) if is_warm(offer) || allowance.has_room() => {
            offer.free -= 1;
            allowance.jobs += 1;
            if offer.warm.insert(job.project) {
                allowance.placed += 1;
            }
            Placement::Place(offer.runner)
        }
        (Some(_), None) => Placement::Wait(Reason::EnvironmentLimit, allowance.reached()),
        (None, _) => Placement::Wait(
            Reason::RunnersBusy,
            format!("{count} fitting runner(s), all busy"),
        ),
    }
}

/// Where an environment that a person asked for begins: where there is the most room, ties by id. It
/// takes no slot: what it does there is bounded by the runner itself.
#[must_use]
pub fn begin(project: ProjectId, offers: &[Offer], allowance: &Allowance) -> Placement {
    let open = offers
        .iter()
        .filter(|offer| !offer.closing.contains(&project) && !offer.warm.contains(&project));
    let best = open.max_by_key(|offer| (offer.free, std::cmp::Reverse(offer.runner)));
    match best {
        _ if offers.is_empty() => {
            Placement::Wait(Reason::NoRunner, "no runner is connected".into())
        }
        None => {
            let detail = "the project's environment is being stopped".to_owned();
            Placement::Wait(Reason::EnvironmentStopping, detail)
        }
        Some(_) if !allowance.has_room() => {
            Placement::Wait(Reason::EnvironmentLimit, allowance.reached())
        }
        Some(offer) => Placement::Place(offer.runner),
    }
}

fn fits(wanted: &Labels, offer: &Offer) -> bool {
    wanted
        .iter()
        .all(|(key, value)| offer.labels.get(key) == Some(value))
}

/// A plain process needs nothing of a machine but its owner's word, and a runner offers it on that
/// word alone. A runner that has not said what it can has the sandbox or refuses by itself.
fn keeps_apart(wanted: Isolation, offer: &Offer) -> bool {
    match &offer.isolation {
        Some(holds) => holds.contains(&wanted),
        None => wanted == Isolation::Sandbox,
    }
}

fn not_kept_apart(wanted: Isolation) -> String {
    match wanted.is_sandboxed() {
        true => format!("no connected runner can set up the isolation `{wanted}`"),
        false => format!(
            "no connected runner's machine allows runs without a sandbox (`{wanted}`): who owns one and wants that writes isolation = \"{wanted}\" at the top of policy.toml in the runner's data directory and restarts the runner"
        ),
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
            project: project(7),
            rank: DateTime::UNIX_EPOCH,
            labels: labels(pairs),
            isolation: Isolation::Sandbox,
            unmet: vec![],
        }
    }
    fn project(n: u8) -> ProjectId {
        ProjectId::at(DateTime::UNIX_EPOCH, [n; 10])
    }
    fn allowed(placed: u32, most: u32) -> Allowance {
        Allowance {
            plan: "free".into(),
            most,
            placed,
            jobs_most: None,
            jobs: 0,
        }
    }
    fn plan_of(wanted: &[Wanted], offers: &[Offer]) -> Vec<(RunId, Placement)> {
        place(wanted, offers, &allowed(0, 9), &BTreeMap::new())
    }
    fn offer(n: u8, pairs: &[(&str, &str)], free: u32) -> Offer {
        Offer {
            runner: runner(n),
            labels: labels(pairs),
            isolation: None,
            free,
            warm: BTreeSet::new(),
            closing: BTreeSet::new(),
        }
    }

    #[test]
    fn oldest_first_never_more_than_free() {
        let plan = plan_of(&[wanted(1, &[]), wanted(2, &[])], &[offer(9, &[], 1)]);
        assert_eq!(plan[0].1, Placement::Place(runner(9)));
        assert!(matches!(plan[1].1, Placement::Wait(Reason::RunnersBusy, _)));
    }

    #[test]
    fn a_label_that_nobody_offers_is_named() {
        let plan = plan_of(
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
        let plan = plan_of(&[job], &[]);
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
            let plan = plan_of(&[job(isolation)], &[on(holds)]);
            matches!(plan[0].1, Placement::Place(_))
        };
        assert!(fits(Sandbox, None) && fits(Sandbox, Some(&[Sandbox])));
        assert!(!fits(Vm, None), "a silent one has no more than the sandbox");
        // Not a stronger one in its place: an agent may need what only the other has.
        assert!(!fits(Sandbox, Some(&[Vm])) && !fits(Vm, Some(&[Sandbox])));
        assert!(!fits(Sandbox, Some(&[])));
        // Without a sandbox only where the owner of the machine says so.
        assert!(!fits(Plain, None) && !fits(Worktree, Some(&[Sandbox, Vm])));
        assert!(!fits(Plain, Some(&[Worktree])) && fits(Worktree, Some(&[Worktree])));
        let plan = plan_of(&[job(Plain)], &[on(Some(&[Sandbox]))]);
        let Placement::Wait(Reason::NoRunnerWithIsolation, detail) = &plan[0].1 else {
            panic!("{plan:?}")
        };
        assert!(detail.contains("isolation = \"none\""), "{detail}");
        let plan = plan_of(&[job(Vm)], &[on(Some(&[Sandbox]))]);
        let Placement::Wait(Reason::NoRunnerWithIsolation, detail) = &plan[0].1 else {
            panic!("{plan:?}")
        };
        assert_eq!(detail, "no connected runner can set up the isolation `vm`");
    }

    #[test]
    fn the_runner_with_more_room_wins() {
        let plan = plan_of(&[wanted(1, &[])], &[offer(1, &[], 1), offer(2, &[], 3)]);
        assert_eq!(plan[0].1, Placement::Place(runner(2)));
    }

    #[test]
    fn the_runner_that_holds_the_environment_wins_while_it_has_room() {
        let mut warm = offer(1, &[], 1);
        warm.warm.insert(project(7));
        let plan = plan_of(&[wanted(1, &[]), wanted(2, &[])], &[warm, offer(2, &[], 3)]);
        assert_eq!(plan[0].1, Placement::Place(runner(1)));
        assert_eq!(
            plan[1].1,
            Placement::Place(runner(2)),
            "no room is left there"
        );
    }

    #[test]
    fn no_environment_begins_beyond_the_allowance_and_the_reason_names_it() {
        let mut other = wanted(2, &[]);
        other.project = project(8);
        let offers = [offer(1, &[], 9)];
        let jobs = [wanted(1, &[]), other, wanted(3, &[])];
        let plan = place(&jobs, &offers, &allowed(1, 2), &BTreeMap::new());
        assert_eq!(plan[0].1, Placement::Place(runner(1)));
        let limit = "2 of 2 environments of the plan `free` are in use".to_owned();
        assert_eq!(
            plan[1].1,
            Placement::Wait(Reason::EnvironmentLimit, limit.clone())
        );
        assert_eq!(plan[2].1, Placement::Place(runner(1)), "it has one already");
        let begun = begin(project(8), &offers, &allowed(2, 2));
        assert_eq!(begun, Placement::Wait(Reason::EnvironmentLimit, limit));
    }

    #[test]
    fn no_job_begins_beyond_the_allowance_and_the_reason_names_it() {
        let jobs = [wanted(1, &[]), wanted(2, &[])];
        let bounded = |jobs: u32| Allowance {
            jobs_most: Some(3),
            jobs,
            ..allowed(0, 9)
        };
        let plan = place(&jobs, &[offer(1, &[], 9)], &bounded(2), &BTreeMap::new());
        assert_eq!(plan[0].1, Placement::Place(runner(1)));
        let full = Placement::Wait(
            Reason::RunLimit,
            "3 of 3 runs at a time are under way".into(),
        );
        assert_eq!(plan[1].1, full);
        // What stands in the way of the job itself is said first.
        let plan = place(&jobs, &[offer(1, &[], 0)], &bounded(3), &BTreeMap::new());
        assert!(matches!(plan[0].1, Placement::Wait(Reason::RunnersBusy, _)));
    }

    #[test]
    fn nothing_begins_where_it_is_being_stopped() {
        let mut closing = offer(1, &[], 9);
        closing.closing.insert(project(7));
        let waits = Placement::Wait(
            Reason::EnvironmentStopping,
            "the project's environment is being stopped".into(),
        );
        let plan = plan_of(&[wanted(1, &[])], &[closing.clone()]);
        assert_eq!(plan[0].1, waits);
        assert_eq!(begin(project(7), &[closing.clone()], &allowed(0, 2)), waits);
        let plan = plan_of(&[wanted(1, &[])], &[closing, offer(2, &[], 1)]);
        assert_eq!(plan[0].1, Placement::Place(runner(2)));
    }
}
