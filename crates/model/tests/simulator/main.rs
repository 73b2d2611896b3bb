//! The life of runs under everything that goes wrong: servers and runners that die or stand still,
//! connections that are cut, answers that are lost, databases and remotes that are away, clocks that
//! jump, people who ask again. The life cycle and the placement are the ones that production runs;
//! around them is a model of the servers, the link, the runners and the remote, as small as it can be.
//!
//! A seed is a history. [`check`] looks at the invariants I1 to I8 and I11 (each assertion names its own), while it goes on
//! and at the end. A history that fails is printed with its seed: write that into `seeds.txt`, where
//! it stays.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod database;
mod dice;
mod fault;
mod link;
mod person;
mod remote;
mod runner;
mod server;
mod task;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use chrono::{DateTime, Utc};
use freehold_model::{JobId, ProjectId, RunId, RunnerId, UserId};

use world::{Counts, Ms, World};

/// A mistake that one could make. Each is found, or these tests prove nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// A server says that it took a submission before it did.
    AcknowledgesFirst,
    /// A key that is said again is a new request.
    ForgetsKeys,
    /// Who finishes is not asked for the epoch.
    NoFence,
    /// A frame that is repeated is taken again.
    TakesFramesTwice,
    /// A runner begins an offer that it has had.
    TakesOffersTwice,
    /// A runner's outbox goes with its process.
    ForgetsOutbox,
    /// A landing whose answer was lost is done again without looking.
    LandsBlindly,
    /// A runner acts without claiming its epoch on the remote.
    NoClaim,
    /// A lease is counted in each server's own time.
    LeasesByOwnClock,
    /// A runner whose push was not answered says that it sent nothing.
    ForgetsWhatItSent,
}

const FLAWS: [Flaw; 10] = [
    Flaw::AcknowledgesFirst,
    Flaw::ForgetsKeys,
    Flaw::NoFence,
    Flaw::TakesFramesTwice,
    Flaw::TakesOffersTwice,
    Flaw::ForgetsOutbox,
    Flaw::LandsBlindly,
    Flaw::NoClaim,
    Flaw::LeasesByOwnClock,
    Flaw::ForgetsWhatItSent,
];
const SEEDS: u64 = 1000;
/// Seeds within which every flaw shows itself.
const FOUND_WITHIN: u64 = 4000;
/// A thousand histories take seconds, of many hours each.
const FASTER_AT_LEAST: u128 = 100;

pub(crate) fn time(ms: Ms) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(i64::try_from(ms).unwrap() + 1_800_000_000_000).unwrap()
}

fn digits(kind: u8, number: usize, more: u32) -> [u8; 10] {
    let mut digits = [kind; 10];
    digits[1..5].copy_from_slice(&u32::try_from(number).unwrap().to_be_bytes());
    digits[5..9].copy_from_slice(&more.to_be_bytes());
    digits
}
pub(crate) fn run_id(run: usize) -> RunId {
    RunId::at(time(0), digits(1, run, 0))
}
pub(crate) fn runner_id(runner: usize) -> RunnerId {
    RunnerId::at(time(0), digits(2, runner, 0))
}
pub(crate) fn job_id(run: usize, epoch: u32) -> JobId {
    JobId::at(time(0), digits(3, run, epoch))
}
pub(crate) fn user_id(person: usize) -> UserId {
    UserId::at(time(0), digits(4, person, 0))
}
pub(crate) fn project_id() -> ProjectId {
    ProjectId::at(time(0), [5; 10])
}

/// Plays a seed; what was wrong, with the end of its history.
fn check(seed: u64, flaw: Option<Flaw>) -> Result<Counts, String> {
    let mut world = World::new(seed, flaw);
    let played = catch_unwind(AssertUnwindSafe(|| world.play()));
    played.map(|()| world.counts).map_err(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
        format!(
            "{}\nseed {seed}: {}",
            world.history(),
            said.unwrap_or_default()
        )
    })
}

#[test]
fn a_thousand_histories_keep_every_promise() {
    let begun = Instant::now();
    let mut all = Counts::default();
    for seed in 0..SEEDS {
        let one = check(seed, None)
            .unwrap_or_else(|wrong| panic!("{wrong}\nwrite the seed into seeds.txt"));
        all.faults += one.faults;
        all.events += one.events;
        all.acknowledged += one.acknowledged;
        all.landed += one.landed;
        all.lost += one.lost;
        all.away += one.away;
        all.simulated += one.simulated;
    }
    let took = begun.elapsed();
    println!("{SEEDS} histories in {took:?}: {all:?}");
    // Something happened.
    assert!(
        all.faults > 20 * SEEDS && all.landed > SEEDS && all.lost > SEEDS && all.away > SEEDS / 10,
        "{all:?}"
    );
    assert!(u128::from(all.simulated) > FASTER_AT_LEAST * took.as_millis());
}

#[test]
fn histories_that_once_failed() {
    let lines = include_str!("seeds.txt").lines();
    for seed in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let seed = seed.split_whitespace().next().unwrap().parse().unwrap();
        check(seed, None).unwrap_or_else(|wrong| panic!("{wrong}"));
    }
}

#[test]
fn a_seed_is_a_history() {
    let twice = [1, 1].map(|seed| {
        let mut world = World::new(seed, None);
        world.play();
        (world.history(), world.now)
    });
    assert_eq!(twice[0], twice[1]);
}

#[test]
fn every_flaw_is_found() {
    // Their panics are expected, and there are many.
    std::panic::set_hook(Box::new(|_| {}));
    let found = FLAWS.map(|flaw| {
        (0..FOUND_WITHIN).find_map(|seed| {
            check(seed, Some(flaw))
                .err()
                .map(|wrong| (flaw, seed, wrong))
        })
    });
    let _ = std::panic::take_hook();
    for (flaw, found) in FLAWS.iter().zip(found) {
        let Some((_, seed, wrong)) = found else {
            panic!("{flaw:?} was not found in {FOUND_WITHIN} histories");
        };
        println!(
            "{flaw:?} at seed {seed}: {}",
            wrong.lines().last().unwrap_or_default()
        );
    }
}
