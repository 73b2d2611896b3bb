//! Who gets a runner when there are fewer than jobs: by share, no room left unused, and nobody never.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use freehold_model::schedule::{Allowance, Offer, Placement, Share, Wanted, place};
use freehold_model::{Isolation, ProjectId, RunId, RunnerId};
use proptest::prelude::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

fn project(n: u8) -> ProjectId {
    ProjectId::at(at(0), [n; 10])
}

fn run(n: u32) -> RunId {
    let [a, b, c, d] = n.to_be_bytes();
    RunId::at(at(0), [0, 0, 0, 0, 0, 0, a, b, c, d])
}

fn wanted(n: u32, of: u8, rank: i64) -> Wanted {
    Wanted {
        run: run(n),
        project: project(of),
        rank: at(rank),
        labels: BTreeMap::new(),
        isolation: Isolation::Sandbox,
        unmet: vec![],
    }
}

fn offer(n: u8, free: u32) -> Offer {
    Offer {
        runner: RunnerId::at(at(0), [n; 10]),
        labels: BTreeMap::new(),
        isolation: None,
        free,
        warm: BTreeSet::new(),
        closing: BTreeSet::new(),
    }
}

const FREE: fn() -> Allowance = || Allowance {
    plan: "local".into(),
    most: 1000,
    placed: 0,
    jobs_most: None,
    jobs: 0,
};

/// How many each project gets.
fn given(wanted: &[Wanted], free: u32, shares: &BTreeMap<ProjectId, Share>) -> BTreeMap<u8, u32> {
    let of: BTreeMap<RunId, ProjectId> = wanted.iter().map(|job| (job.run, job.project)).collect();
    let mut given = BTreeMap::new();
    for (id, placement) in place(wanted, &[offer(1, free)], &FREE(), shares) {
        if matches!(placement, Placement::Place(_)) {
            let n = (0..=255).find(|n| project(*n) == of[&id]).unwrap();
            *given.entry(n).or_insert(0) += 1;
        }
    }
    given
}

fn share(share: u32, held: u32) -> Share {
    Share { share, held }
}

#[test]
fn a_project_with_a_thousand_in_line_leaves_the_other_its_half() {
    let mut jobs: Vec<Wanted> = (0..1000).map(|n| wanted(n, 1, 0)).collect();
    jobs.extend((1000..1010).map(|n| wanted(n, 2, 1_000_000)));
    let shares = BTreeMap::from([(project(1), share(1, 0)), (project(2), share(1, 0))]);
    assert_eq!(given(&jobs, 8, &shares), BTreeMap::from([(1, 4), (2, 4)]));
    // What it holds already counts.
    let shares = BTreeMap::from([(project(1), share(1, 6)), (project(2), share(1, 0))]);
    assert_eq!(given(&jobs, 8, &shares), BTreeMap::from([(1, 1), (2, 7)]));
    // What the other does not use, it has.
    assert_eq!(
        given(&jobs, 30, &shares),
        BTreeMap::from([(1, 20), (2, 10)])
    );
}

#[test]
fn three_times_the_share_is_three_times_the_runners() {
    let mut jobs: Vec<Wanted> = (0..100).map(|n| wanted(n, 1, 0)).collect();
    jobs.extend((100..200).map(|n| wanted(n, 2, 0)));
    let shares = BTreeMap::from([(project(1), share(3, 0)), (project(2), share(1, 0))]);
    assert_eq!(
        given(&jobs, 40, &shares),
        BTreeMap::from([(1, 30), (2, 10)])
    );
}

#[test]
fn within_a_project_the_first_in_line_goes_first() {
    let jobs = [wanted(1, 1, 30), wanted(2, 1, 10), wanted(3, 1, 20)];
    let plan = place(&jobs, &[offer(1, 1)], &FREE(), &BTreeMap::new());
    let order: Vec<RunId> = plan.iter().map(|(run, _)| *run).collect();
    assert_eq!(order, [run(2), run(3), run(1)]);
    assert!(matches!(plan[0].1, Placement::Place(_)));
}

proptest! {
    /// Whoever asks for what: each job is answered once, all room is used, and no project is two ahead
    /// of one with as much a share that still waits.
    #[test]
    fn shares_are_kept_and_no_room_is_left(
        jobs in prop::collection::vec((1u8..6, 0i64..50), 0..60),
        held in prop::collection::vec(0u32..5, 6),
        weights in prop::collection::vec(1u32..4, 6),
        free in 0u32..40,
    ) {
        let jobs: Vec<Wanted> = (0..).zip(&jobs).map(|(n, (of, rank))| wanted(n, *of, *rank)).collect();
        let shares: BTreeMap<ProjectId, Share> = (1..6u8)
            .map(|n| (project(n), share(weights[usize::from(n)], held[usize::from(n)])))
            .collect();
        let plan = place(&jobs, &[offer(1, free)], &FREE(), &shares);
        let answered: BTreeSet<RunId> = plan.iter().map(|(run, _)| *run).collect();
        prop_assert_eq!((plan.len(), answered.len()), (jobs.len(), jobs.len()));
        let given = given(&jobs, free, &shares);
        let total: u32 = given.values().sum();
        prop_assert_eq!(total, free.min(u32::try_from(jobs.len()).unwrap()));
        let asked = |n: u8| jobs.iter().filter(|job| job.project == project(n)).count();
        for poor in 1..6u8 {
            let got = *given.get(&poor).unwrap_or(&0);
            if asked(poor) <= usize::try_from(got).unwrap() {
                continue;
            }
            for rich in (1..6u8).filter(|rich| given.contains_key(rich)) {
                // Before its last one the rich had no more of its share than the poor has now.
                let before = held[usize::from(rich)] + given[&rich] - 1;
                let poor_has = held[usize::from(poor)] + got;
                prop_assert!(
                    before * weights[usize::from(poor)] <= poor_has * weights[usize::from(rich)],
                    "{rich} took one while {poor} had less of its share"
                );
            }
        }
    }
}
