//! Each promise is broken in evidence that is otherwise fine, and must be named; the fine one must pass.

use std::time::Duration;

use super::check::{SETTLED_WITHIN, check, settled_within};
use super::enough::SAW_TOO_LITTLE;
use super::evidence::{
    Call, Environment, Event, Evidence, Fault, ModelCall, Move, Ms, Probe, Reading, Run, Update,
};
use super::kinds::{KINDS, chosen, rhythm};
use super::{PARTS, SERVERS};

const NONE: &str = "0000000000000000000000000000000000000000";

fn event(seq: i64, kind: &str, epoch: i64, n: i64) -> Event {
    Event {
        seq,
        kind: kind.to_owned(),
        epoch,
        n,
    }
}

fn call(at: Ms, op: &str, about: &str, made: Option<&str>) -> Call {
    Call {
        at,
        until: at + 20,
        op: op.to_owned(),
        about: about.to_owned(),
        key: made.map(|made| format!("key of {made}")),
        status: 200,
        made: made.map(str::to_owned),
        ..Call::default()
    }
}

fn update(name: &str, old: &str, new: &str) -> Update {
    Update {
        name: name.to_owned(),
        old: old.to_owned(),
        new: new.to_owned(),
    }
}

/// One card whose run was tried twice, by the model, and landed; and one that was rejected. Two faults, a minute of quiet.
fn fine() -> Evidence {
    let run = |id: &str, card: &str, state: &str, landed: Option<&str>| Run {
        id: id.to_owned(),
        card: card.to_owned(),
        state: state.to_owned(),
        epoch: 2,
        attempt: 2,
        attempts_max: 3,
        last_seq: 5,
        turn: 1,
        landed: landed.map(str::to_owned),
        ..Run::default()
    };
    let events = |middle: &str, end: &str| {
        vec![
            event(1, "run.queued", 0, 0),
            event(2, "step.started", 1, 1),
            event(3, "step.started", 2, 1),
            event(4, middle, 0, 0),
            event(5, end, 0, 0),
        ]
    };
    let mut seen = Evidence {
        calls: vec![
            call(100, "card.create", "card-000000", Some("card_a")),
            call(150, "card.create", "card-000001", Some("card_b")),
            call(160, "invitation.create", "ada@example.org", Some("inv_a")),
            call(200, "run.start", "card-000000", Some("run_a")),
            call(210, "run.start", "card-000000", Some("run_a")),
            call(250, "run.start", "card-000001", Some("run_b")),
            call(9000, "run.approve", "run_a", None),
            call(9050, "run.reply", "run_b", None),
            call(9100, "run.reject", "run_b", None),
        ],
        cards: vec!["card_a".to_owned(), "card_b".to_owned()],
        runs: vec![
            run("run_a", "card_a", "succeeded", Some("c1")),
            run("run_b", "card_b", "rejected", None),
        ],
        environments: vec![Environment::default()],
        moves: vec![Move {
            new: "c1".to_owned(),
            is_forward: true,
            runs: vec!["run_a".to_owned()],
        }],
        updates: vec![
            update("refs/freehold/run_a/1", NONE, "c0"),
            update("refs/freehold/run_a/2", NONE, "c0"),
            update("refs/freehold/run_a/2", "c0", "w"),
            update("refs/heads/main", "c0", "c1"),
        ],
        invitations: [("inv_a".to_owned(), "ada@example.org".to_owned())].into(),
        mails: [("ada@example.org".to_owned(), 1)].into(),
        audited: (["run_a", "run_b"].map(|run| (run.to_owned(), 1))).into(),
        settled_in: Some(1000),
        wanted: 2,
        ..Evidence::default()
    };
    for card in ["card_a", "card_b", "run_a", "run_b"] {
        seen.keys.insert(format!("key of {card}"), card.to_owned());
    }
    for (id, middle, end) in [
        ("run_a", "run.landing", "run.succeeded"),
        ("run_b", "run.waiting", "run.rejected"),
    ] {
        seen.events.insert(id.to_owned(), events(middle, end));
        for reader in SERVERS {
            seen.readings.push(Reading {
                run: id.to_owned(),
                reader: reader.to_owned(),
                events: (events(middle, end).into_iter())
                    .map(|event| (event.seq, event.kind))
                    .collect(),
            });
        }
    }
    // The same question in each of two epochs.
    for turn in [0, 1, 0, 1] {
        seen.model.push(ModelCall {
            card: "card-000000".to_owned(),
            turn,
        });
    }
    for (at, part) in [(1000, 0), (30_000, 1)] {
        seen.faults.push(Fault {
            at,
            until: at + 100,
            kind: "server: kill -9".to_owned(),
            parts: vec![PARTS[part].to_owned(), PARTS[part + 2].to_owned()],
        });
    }
    for at in (0..60_000).step_by(500) {
        for part in PARTS {
            seen.probes.push(Probe {
                at,
                part: part.to_owned(),
                is_well: true,
            });
        }
    }
    for at in (50_000..60_000).step_by(200) {
        seen.calls.push(call(at, "run.show", "run_a", None));
    }
    seen
}

/// What is found when this is done to what was fine.
fn found(plant: impl FnOnce(&mut Evidence)) -> Vec<&'static str> {
    let mut seen = fine();
    plant(&mut seen);
    check(&seen).names().into_iter().collect()
}

#[test]
fn what_is_fine_passes() {
    let verdict = check(&fine());
    assert_eq!(verdict.broken, []);
    assert_eq!((verdict.lost, verdict.doubled), (0, 0));
    assert!(verdict.quiet >= 50);
    assert!((verdict.healed() - 100.0).abs() < f64::EPSILON);
}

#[test]
fn what_was_acknowledged_and_is_gone_is_lost() {
    let lost = |seen: &mut Evidence| {
        seen.runs.pop();
        seen.events.remove("run_b");
        seen.readings.retain(|reading| reading.run != "run_b");
    };
    assert_eq!(found(lost), ["I1"]);
    let mut seen = fine();
    lost(&mut seen);
    assert_eq!(check(&seen).lost, 1);
    assert_eq!(found(|seen| drop(seen.cards.pop())), ["I1"]);
    assert_eq!(found(|seen| drop(seen.keys.remove("key of run_a"))), ["I1"]);
    assert_eq!(
        found(|seen| seen.calls.push(call(9_200, "run.reject", "run_a", None))),
        ["I1"]
    );
}

#[test]
fn a_yes_and_a_reply_that_were_taken_and_forgotten_are_lost() {
    // The landing was never begun, and every reader says so.
    let no_landing = |seen: &mut Evidence| {
        seen.events.get_mut("run_a").unwrap()[3].kind = "run.waiting".to_owned();
        for reading in seen.readings.iter_mut().filter(|one| one.run == "run_a") {
            "run.waiting".clone_into(&mut reading.events[3].1);
        }
    };
    assert_eq!(found(no_landing), ["I1"]);
    assert_eq!(found(|seen| seen.runs[1].turn = 0), ["I1"]);
}

#[test]
fn a_storm_in_which_too_little_happened_is_found() {
    assert_eq!(found(|seen| seen.wanted = 4), [""; 0]);
    assert_eq!(found(|seen| seen.wanted = 5), [SAW_TOO_LITTLE]);
    let short = |wanted: usize| {
        move |seen: &mut Evidence| {
            seen.wanted = wanted;
            seen.is_short = true;
        }
    };
    assert_eq!(found(short(6)), [""; 0]);
    assert_eq!(found(short(7)), [SAW_TOO_LITTLE]);
    assert_eq!(found(|seen| seen.model.clear()), [SAW_TOO_LITTLE]);
    assert_eq!(found(|seen| seen.updates.clear()), [SAW_TOO_LITTLE]);
    // It moved, and by nobody's work.
    let empty = |seen: &mut Evidence| {
        seen.moves[0].runs.clear();
        seen.runs[0].landed = None;
    };
    assert_eq!(found(empty), [SAW_TOO_LITTLE]);
}

#[test]
fn one_key_that_made_two_runs_is_doubled() {
    let plant = |seen: &mut Evidence| seen.calls[4].made = Some("run_b".to_owned());
    assert_eq!(found(plant), ["I1", "I3"]);
}

#[test]
fn a_run_with_two_ends_or_none_is_found() {
    let state =
        |state: &'static str| move |seen: &mut Evidence| seen.runs[1].state = state.to_owned();
    assert_eq!(found(state("failed")), ["I1", "I2"]);
    assert_eq!(found(state("running")), ["I1", "I2"]);
    let twice = |seen: &mut Evidence| {
        seen.runs[1].last_seq = 6;
        let end = event(6, "run.failed", 0, 0);
        seen.events.get_mut("run_b").unwrap().push(end.clone());
        for reading in seen.readings.iter_mut().filter(|one| one.run == "run_b") {
            reading.events.push((6, end.kind.clone()));
        }
    };
    assert_eq!(found(twice), ["I2"]);
}

#[test]
fn what_lands_twice_or_by_force_or_without_being_known_is_found() {
    let again = |seen: &mut Evidence| seen.moves.push(seen.moves[0].clone());
    assert_eq!(found(again), ["I3"]);
    let mut seen = fine();
    again(&mut seen);
    assert_eq!(check(&seen).doubled, 1);
    assert_eq!(found(|seen| seen.moves[0].is_forward = false), ["I3"]);
    // It succeeded, and the remote has nothing.
    assert_eq!(found(|seen| seen.moves.clear()), ["I1", SAW_TOO_LITTLE]);
    // It was rejected, and landed.
    let rejected = |seen: &mut Evidence| seen.moves[0].runs.push("run_b".to_owned());
    assert_eq!(found(rejected), ["I1"]);
    let unknown = |seen: &mut Evidence| seen.moves[0].runs.push("run_x".to_owned());
    assert_eq!(found(unknown), ["I1"]);
    let other = |seen: &mut Evidence| seen.runs[0].landed = Some("c9".to_owned());
    assert_eq!(found(other), ["I3"]);
}

#[test]
fn a_question_that_an_epoch_asks_twice_is_found() {
    let third = |seen: &mut Evidence| seen.model.push(seen.model[0].clone());
    assert_eq!(found(third), ["I3"]);
}

#[test]
fn a_mail_that_goes_out_twice_or_of_nothing_is_found() {
    let mails = |to: &'static str, count: usize| {
        move |seen: &mut Evidence| {
            seen.mails.insert(to.to_owned(), count);
        }
    };
    assert_eq!(found(mails("ada@example.org", 2)), ["I3"]);
    assert_eq!(found(mails("eve@example.org", 1)), ["I1"]);
    assert_eq!(found(|seen| seen.invitations.clear()), ["I1"]);
    assert_eq!(found(|seen| seen.mails.clear()), [SAW_TOO_LITTLE]);
}

#[test]
fn an_epoch_that_acts_when_it_may_not_is_found() {
    let twice = |seen: &mut Evidence| {
        seen.updates
            .push(update("refs/freehold/run_a/2", NONE, "x"));
    };
    assert_eq!(found(twice), ["I4"]);
    let late = |seen: &mut Evidence| seen.updates.swap(0, 1);
    assert_eq!(found(late), ["I4"]);
    let unknown = |seen: &mut Evidence| {
        seen.updates
            .push(update("refs/freehold/run_b/7", NONE, "x"));
    };
    assert_eq!(found(unknown), ["I4"]);
}

#[test]
fn a_gap_a_repetition_and_a_reader_who_is_told_otherwise_are_found() {
    let gap = |seen: &mut Evidence| drop(seen.events.get_mut("run_a").unwrap().remove(1));
    assert_eq!(found(gap), ["I5"]);
    let twice = |seen: &mut Evidence| {
        let events = seen.events.get_mut("run_a").unwrap();
        events[2] = event(3, "step.started", 1, 1);
    };
    assert_eq!(found(twice), ["I5"]);
    let other = |seen: &mut Evidence| drop(seen.readings[0].events.pop());
    assert_eq!(found(other), ["I5"]);
}

#[test]
fn a_log_that_does_not_hold_or_lacks_an_act_is_found() {
    let broken = |seen: &mut Evidence| seen.audit = Some("line 3".to_owned());
    assert_eq!(found(broken), ["I6"]);
    assert_eq!(
        found(|seen| seen.audited.retain(|run, _| run != "run_b")),
        ["I6"]
    );
    assert_eq!(
        found(|seen| *seen.audited.get_mut("run_a").unwrap() = 2),
        ["I6"]
    );
}

#[test]
fn what_is_left_behind_is_found() {
    assert_eq!(found(|seen| seen.left.push("a mount".to_owned())), ["I7"]);
    // A lease of a run that ended, which the place's count does not know of.
    assert_eq!(found(|seen| seen.runs[0].has_lease = true), ["I7", "I8"]);
}

#[test]
fn counts_that_do_not_add_up_are_found() {
    assert_eq!(found(|seen| seen.environments[0].jobs = 1), ["I8"]);
    assert_eq!(found(|seen| seen.runs[0].attempt = 4), ["I8"]);
    assert_eq!(found(|seen| seen.ready.push("run_a".to_owned())), ["I8"]);
    assert_eq!(found(|seen| seen.leased.push("run_b".to_owned())), ["I8"]);
}

#[test]
fn a_refusal_without_words_and_an_internal_error_are_found() {
    let refuse = |status: u16, is_explained: bool| {
        move |seen: &mut Evidence| {
            seen.calls.push(Call {
                status,
                is_explained,
                ..call(1_050, "run.show", "run_a", None)
            });
        }
    };
    assert_eq!(found(refuse(503, true)), [""; 0]);
    assert_eq!(found(refuse(503, false)), ["I9"]);
    assert_eq!(found(refuse(500, true)), ["I9"]);
    // Nor is a server that has no database one that knows nobody, or has nothing.
    for status in [401, 403, 404, 502, 504] {
        assert_eq!(found(refuse(status, true)), ["I9"], "{status}");
    }
    for status in [0, 409, 429] {
        assert_eq!(found(refuse(status, true)), [""; 0], "{status}");
    }
}

#[test]
fn a_part_that_is_not_well_in_time_is_found_and_what_follows_is_one_story() {
    let ill = |seen: &mut Evidence, until: Ms| {
        for probe in &mut seen.probes {
            if probe.part == PARTS[0] && (1_000..until).contains(&probe.at) {
                probe.is_well = false;
            }
        }
    };
    assert_eq!(found(|seen| ill(seen, 9_000)), [""; 0]);
    assert_eq!(found(|seen| ill(seen, 20_000)), ["I11"]);
    assert_eq!(found(|seen| ill(seen, 60_000)), ["I11"]);
    // More was done to it before it was well.
    let more = |seen: &mut Evidence| {
        ill(seen, 20_000);
        let fault = Fault {
            at: 9_000,
            until: 12_000,
            ..seen.faults[0].clone()
        };
        seen.faults.push(fault);
    };
    assert_eq!(found(more), [""; 0]);
    let late = |seen: &mut Evidence| seen.settled_in = Some(SETTLED_WITHIN + 1);
    assert_eq!(found(late), ["I11"]);
    let late = |seen: &mut Evidence| {
        seen.is_short = true;
        seen.settled_in = Some(settled_within(true) + 1);
    };
    assert_eq!(found(late), ["I11"]);
    assert_eq!(found(|seen| seen.settled_in = None), ["I11"]);
}

#[test]
fn what_fails_though_no_fault_was_near_is_found_and_so_is_a_storm_without_calm() {
    let fail = |count: usize, from: Ms| {
        move |seen: &mut Evidence| {
            for call in seen
                .calls
                .iter_mut()
                .filter(|call| call.at >= from)
                .take(count)
            {
                call.status = 0;
            }
        }
    };
    assert_eq!(found(fail(4, 50_000)), [""; 0]);
    assert_eq!(found(fail(10, 50_000)), ["I12"]);
    // Words about why not are no service, except where a decision came too late.
    let refuse = |status: u16, op: &'static str| {
        move |seen: &mut Evidence| {
            let late = seen.calls.iter_mut().filter(|call| call.at >= 50_000);
            for call in late.take(10) {
                call.status = status;
                call.is_explained = true;
                op.clone_into(&mut call.op);
            }
        }
    };
    assert_eq!(found(refuse(409, "run.show")), ["I12"]);
    assert_eq!(found(refuse(401, "run.approve")), ["I12", "I9"]);
    assert_eq!(found(refuse(409, "run.approve")), [""; 0]);
    let slow = |seen: &mut Evidence| {
        for call in seen.calls.iter_mut().filter(|call| call.at >= 50_000) {
            call.until += 20_000;
        }
    };
    assert_eq!(found(slow), ["I12"]);
    // All of it was within one.
    let always = |seen: &mut Evidence| {
        seen.faults[0].at = 0;
        seen.faults[0].until = 59_000;
    };
    assert_eq!(found(always), ["I12"]);
}

#[test]
fn each_kind_has_a_name_of_its_own_and_a_bound() {
    let mut names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), KINDS.len());
    assert!(KINDS.iter().all(|kind| kind.bound.heals > 0));
}

#[test]
fn what_comes_in_a_rhythm_is_had_alone_and_heals_before_it_comes_again() {
    let (long, short) = (Duration::from_secs(600), Duration::from_secs(50));
    let every = |only: Option<&str>, time| rhythm(&chosen(only), time);
    assert_eq!(every(None, long), None);
    assert_eq!(every(Some("database"), long), None);
    let alone = chosen(Some("restarted each"));
    let [kind] = alone[..] else {
        panic!("{alone:?}");
    };
    assert_eq!(rhythm(&[kind], long), Some(Duration::from_secs(20)));
    let shortest = rhythm(&[kind], short).unwrap();
    assert!(shortest * 6 <= short);
    // Somebody is asked outside of its windows.
    assert!(Duration::from_millis(kind.bound.window) < shortest);
    let drawn = chosen(None);
    assert!(drawn.iter().all(|kind| kind.weight > 0));
    assert_eq!(drawn.len() + 1, KINDS.len());
}
