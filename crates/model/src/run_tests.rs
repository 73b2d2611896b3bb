use super::*;
use proptest::prelude::*;

fn t(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}
fn runner(n: u8) -> RunnerId {
    RunnerId::at(DateTime::UNIX_EPOCH, [n; 10])
}
fn job(n: u8) -> JobId {
    JobId::at(DateTime::UNIX_EPOCH, [n; 10])
}
fn work(commit: &str, epoch: u32) -> Work {
    Work {
        base: Some("b".into()),
        commit: commit.into(),
        digest: "d".into(),
        epoch,
    }
}
fn approval(commit: &str) -> Approval {
    Approval {
        by: UserId::at(DateTime::UNIX_EPOCH, [1; 10]),
        at: t(5),
        commit: commit.into(),
        base: Some("b".into()),
        digest: "d".into(),
    }
}
fn dispatch_to(n: u8) -> Command {
    Command::Dispatch {
        job: job(n),
        runner: runner(n),
        until: t(60),
    }
}
fn fence(n: u8, epoch: u32) -> Fence {
    Fence {
        runner: runner(n),
        epoch,
    }
}
fn after(commands: Vec<Command>) -> Run {
    let mut run = Run::new(3);
    for command in commands {
        apply(&mut run, command.clone()).unwrap_or_else(|e| panic!("{command:?}: {e}"));
    }
    run
}
fn waiting() -> Run {
    after(vec![
        dispatch_to(1),
        Command::Accept(fence(1, 1)),
        Command::Finish(fence(1, 1), Outcome::Work(work("c", 1))),
    ])
}

#[test]
fn the_way_of_a_card_that_lands() {
    let mut run = waiting();
    assert_eq!((run.state, &run.lease), (State::Waiting, &None));
    apply(&mut run, Command::Approve(approval("c"))).unwrap();
    assert_eq!(run.wants(), Some(JobKind::Land));
    apply(&mut run, dispatch_to(2)).unwrap();
    assert_eq!((run.state, run.epoch), (State::Landing, 2));
    let landed = Outcome::Landed { commit: "m".into() };
    apply(&mut run, Command::Finish(fence(2, 2), landed)).unwrap();
    assert_eq!(
        (run.state, run.landed.as_deref()),
        (State::Succeeded, Some("m"))
    );
}

#[test]
fn a_lost_run_is_queued_under_the_next_epoch_and_its_holder_is_fenced() {
    let mut run = after(vec![dispatch_to(1), Command::Accept(fence(1, 1))]);
    assert_eq!(apply(&mut run, Command::Expire(t(59))).unwrap(), vec![]);
    let effects = apply(&mut run, Command::Expire(t(60))).unwrap();
    assert_eq!(effects, vec![Effect::Lost, Effect::Entered(State::Queued)]);
    apply(&mut run, dispatch_to(2)).unwrap();
    let late = Command::Finish(fence(1, 1), Outcome::Work(work("zombie", 1)));
    let before = run.clone();
    assert_eq!(
        apply(&mut run, late),
        Err(Refusal::Fenced {
            given: 1,
            current: 2
        })
    );
    assert_eq!(run, before);
}

#[test]
fn attempts_end_in_one_clear_failure() {
    let mut run = Run::new(2);
    for n in 1..=2 {
        apply(&mut run, dispatch_to(n)).unwrap();
        apply(&mut run, Command::Expire(t(100))).unwrap();
    }
    assert_eq!(
        (run.state, run.reason),
        (State::Failed, Some(Reason::AttemptsExhausted))
    );
}

#[test]
fn an_approval_of_another_commit_is_refused() {
    let mut run = waiting();
    let refusal = apply(&mut run, Command::Approve(approval("other"))).unwrap_err();
    assert!(matches!(refusal, Refusal::Commit { .. }));
    assert_eq!(run.state, State::Waiting);
}

#[test]
fn an_approval_said_twice_lands_once() {
    let mut run = waiting();
    apply(&mut run, Command::Approve(approval("c"))).unwrap();
    assert_eq!(
        apply(&mut run, Command::Approve(approval("c"))).unwrap(),
        vec![]
    );
    assert_eq!(run.state, State::Landing);
}

#[test]
fn a_refused_landing_asks_a_person_and_needs_a_new_yes() {
    let mut run = waiting();
    apply(&mut run, Command::Approve(approval("c"))).unwrap();
    apply(&mut run, dispatch_to(2)).unwrap();
    let refused = Outcome::Refused {
        reason: Reason::Conflict,
    };
    apply(&mut run, Command::Finish(fence(2, 2), refused)).unwrap();
    assert_eq!(
        (run.state, run.reason),
        (State::Waiting, Some(Reason::Conflict))
    );
    assert_eq!(run.approval, None);
    assert_eq!(run.wants(), None);
}

#[test]
fn a_lost_landing_is_tried_again_without_a_new_yes() {
    let mut run = waiting();
    apply(&mut run, Command::Approve(approval("c"))).unwrap();
    apply(&mut run, dispatch_to(2)).unwrap();
    apply(&mut run, Command::Expire(t(60))).unwrap();
    assert_eq!(
        (run.state, run.wants()),
        (State::Landing, Some(JobKind::Land))
    );
    assert!(run.approval.is_some());
}

#[test]
fn a_cancelled_run_ends_cancelled_whatever_its_runner_says() {
    let mut run = after(vec![dispatch_to(1), Command::Accept(fence(1, 1))]);
    assert_eq!(
        apply(&mut run, Command::Cancel).unwrap(),
        vec![Effect::Stop]
    );
    assert_eq!(apply(&mut run, Command::Cancel).unwrap(), vec![]);
    apply(
        &mut run,
        Command::Finish(fence(1, 1), Outcome::Work(work("c", 1))),
    )
    .unwrap();
    assert_eq!(run.state, State::Cancelled);
    assert_eq!(run.work.unwrap().commit, "c");
}

#[test]
fn a_landing_cannot_be_cancelled_half_way() {
    let mut run = waiting();
    apply(&mut run, Command::Approve(approval("c"))).unwrap();
    apply(&mut run, dispatch_to(2)).unwrap();
    assert!(apply(&mut run, Command::Cancel).is_err());
    // Whoever had it may have pushed before it was lost.
    apply(&mut run, Command::Expire(t(60))).unwrap();
    assert_eq!((run.state, &run.lease), (State::Landing, &None));
    assert!(apply(&mut run, Command::Cancel).is_err());
}

#[test]
fn a_landing_that_no_runner_has_taken_can_be_cancelled() {
    let mut run = waiting();
    apply(&mut run, Command::Approve(approval("c"))).unwrap();
    apply(&mut run, Command::Cancel).unwrap();
    assert_eq!(
        (run.state, run.reason, run.wants()),
        (State::Cancelled, Some(Reason::Cancelled), None)
    );
}

#[test]
fn a_reply_goes_on_and_a_turn_without_change_returns_to_review() {
    let mut run = waiting();
    apply(&mut run, Command::Reply).unwrap();
    assert_eq!((run.state, run.turn), (State::Queued, 1));
    apply(&mut run, dispatch_to(1)).unwrap();
    let unchanged = Outcome::Unchanged { base: None };
    apply(&mut run, Command::Finish(fence(1, 2), unchanged)).unwrap();
    assert_eq!(run.state, State::Waiting);
    assert_eq!(run.work.unwrap().commit, "c");
}

#[test]
fn a_run_that_changed_nothing_succeeds_with_nothing_to_approve() {
    let mut run = after(vec![dispatch_to(1)]);
    let unchanged = Outcome::Unchanged {
        base: Some("b".into()),
    };
    apply(&mut run, Command::Finish(fence(1, 1), unchanged)).unwrap();
    assert_eq!((run.state, run.work), (State::Succeeded, None));
}

#[test]
fn a_later_turn_that_fails_leaves_the_work_to_decide_on() {
    let mut run = waiting();
    apply(&mut run, Command::Reply).unwrap();
    apply(&mut run, dispatch_to(1)).unwrap();
    let failed = Outcome::Failed {
        reason: Reason::AgentFailed,
    };
    apply(&mut run, Command::Finish(fence(1, 2), failed)).unwrap();
    assert_eq!(
        (run.state, run.reason),
        (State::Waiting, Some(Reason::AgentFailed))
    );
    apply(&mut run, Command::Approve(approval("c"))).unwrap();
    assert_eq!(run.state, State::Landing);
}

#[test]
fn work_that_became_another_change_is_shown_and_needs_a_new_yes() {
    let mut run = waiting();
    apply(&mut run, Command::Approve(approval("c"))).unwrap();
    apply(&mut run, dispatch_to(2)).unwrap();
    let changed = Outcome::Changed(work("merged", 2));
    apply(&mut run, Command::Finish(fence(2, 2), changed)).unwrap();
    assert_eq!(
        (run.state, run.reason),
        (State::Waiting, Some(Reason::DiffChanged))
    );
    assert_eq!(run.approval, None);
    assert!(apply(&mut run, Command::Approve(approval("c"))).is_err());
    apply(&mut run, Command::Approve(approval("merged"))).unwrap();
}

#[test]
fn a_run_of_a_database_that_was_put_back_goes_on_behind_whatever_was_forgotten() {
    let mut run = waiting();
    apply(&mut run, Command::Approve(approval("c"))).unwrap();
    apply(&mut run, dispatch_to(2)).unwrap();
    apply(&mut run, Command::PutBack).unwrap();
    assert_eq!(
        (run.state, run.reason, run.wants()),
        (State::Waiting, Some(Reason::DatabaseWentBack), None)
    );
    assert_eq!((run.epoch, run.known_epoch), (1000, Some(2)));
    assert_eq!(run.approval, None, "a yes that may have been taken back");
    // Whoever was given an epoch that is forgotten, the next one above all, is fenced.
    let forgotten = Command::Finish(fence(2, 3), Outcome::Landed { commit: "m".into() });
    assert!(matches!(
        apply(&mut run, forgotten),
        Err(Refusal::Fenced { .. })
    ));
    apply(&mut run, Command::Approve(approval("c"))).unwrap();
    apply(&mut run, dispatch_to(1)).unwrap();
    assert_eq!((run.epoch, run.known_epoch), (1001, Some(2)));
    // Told of what the remote has, a person decides; the next job goes ahead.
    let found = Outcome::Refused {
        reason: Reason::DatabaseWentBack,
    };
    apply(&mut run, Command::Finish(fence(1, 1001), found)).unwrap();
    assert_eq!((run.state, run.known_epoch), (State::Waiting, None));

    let mut queued = Run::new(3);
    apply(&mut queued, dispatch_to(1)).unwrap();
    apply(&mut queued, Command::PutBack).unwrap();
    apply(&mut queued, Command::PutBack).unwrap();
    assert_eq!((queued.state, queued.attempt), (State::Queued, 1));
    assert_eq!((queued.epoch, queued.known_epoch), (2000, Some(1)));
}

fn away(n: u8, epoch: u32, sent: bool, now: i64) -> Command {
    Command::Away {
        fence: fence(n, epoch),
        sent,
        now: t(now),
        chance: u32::MAX,
    }
}

#[test]
fn a_run_whose_remote_is_away_waits_for_it_and_no_try_is_counted() {
    let mut run = Run::new(1);
    apply(&mut run, dispatch_to(1)).unwrap();
    apply(&mut run, Command::Accept(fence(1, 1))).unwrap();
    let effects = apply(&mut run, away(1, 1, false, 100)).unwrap();
    assert_eq!(effects, vec![Effect::Away, Effect::Entered(State::Queued)]);
    assert_eq!((run.attempt, &run.lease), (1, &None));
    assert_eq!(run.wants(), Some(JobKind::Execute));
    assert_eq!(run.waits_for_remote(), Some(t(105)));
    // The runner that was given it is fenced like any other by the next one.
    apply(&mut run, dispatch_to(2)).unwrap();
    assert_eq!((run.epoch, run.waits_for_remote()), (2, None));
    assert!(apply(&mut run, away(1, 1, false, 106)).is_err());
    apply(&mut run, away(2, 2, false, 106)).unwrap();
    assert_eq!(run.waits_for_remote(), Some(t(116)));
    assert_eq!(
        run.away.map(|away| (away.since, away.tries)),
        Some((t(100), 2))
    );
    // What comes of it once the remote is there again is forgotten nothing of.
    apply(&mut run, dispatch_to(1)).unwrap();
    let work = Outcome::Work(work("c", 3));
    apply(&mut run, Command::Finish(fence(1, 3), work)).unwrap();
    assert_eq!(
        (run.state, run.attempt, run.away),
        (State::Waiting, 1, None)
    );
}

#[test]
fn a_remote_that_is_away_for_longer_than_a_day_is_a_clear_failure() {
    let day = AWAY_MAX.num_seconds();
    let mut run = Run::new(3);
    let (mut now, mut tries) = (0, 0);
    while run.state != State::Failed {
        apply(&mut run, dispatch_to(1)).unwrap();
        let epoch = run.epoch;
        apply(&mut run, away(1, epoch, false, now)).unwrap();
        tries += 1;
        assert!(tries < EPOCHS_LEFT_OUT, "it goes on and on");
        now = run.away.map_or(now, |away| away.again.timestamp());
    }
    assert_eq!(run.reason, Some(Reason::RemoteUnreachable));
    assert!(now <= day && now > day - 600, "{now}");
    // With work of an earlier turn a person decides on that.
    let mut run = waiting();
    apply(&mut run, Command::Reply).unwrap();
    asked_in_vain(&mut run, AWAY_TRIES - 1, 0);
    apply(&mut run, dispatch_to(1)).unwrap();
    let epoch = run.epoch;
    apply(&mut run, away(1, epoch, false, day)).unwrap();
    assert_eq!(
        (run.state, run.reason, run.away),
        (State::Waiting, Some(Reason::RemoteUnreachable), None)
    );
}

fn asked_in_vain(run: &mut Run, times: u32, now: i64) {
    for _ in 0..times {
        apply(run, dispatch_to(1)).unwrap();
        let epoch = run.epoch;
        apply(run, away(1, epoch, false, now)).unwrap();
    }
}

#[test]
fn a_weekend_in_which_nobody_asked_says_nothing_of_the_remote() {
    let mut run = Run::new(3);
    asked_in_vain(&mut run, 1, 0);
    let monday = 3 * AWAY_MAX.num_seconds();
    asked_in_vain(&mut run, AWAY_TRIES - 2, monday);
    assert_eq!(run.state, State::Queued);
    assert_eq!(run.away.map(|away| away.since), Some(t(0)));
    asked_in_vain(&mut run, 1, monday);
    assert_eq!(
        (run.state, run.reason),
        (State::Failed, Some(Reason::RemoteUnreachable))
    );
}

#[test]
fn a_landing_whose_remote_is_away_keeps_its_yes_and_may_be_called_off_until_something_was_sent() {
    let mut run = waiting();
    apply(&mut run, Command::Approve(approval("c"))).unwrap();
    for time in 0..20 {
        apply(&mut run, dispatch_to(2)).unwrap();
        let epoch = run.epoch;
        let effects = apply(&mut run, away(2, epoch, false, time)).unwrap();
        assert_eq!((effects, run.state), (vec![Effect::Away], State::Landing));
    }
    assert!(run.approval.is_some() && run.waits_for_remote().is_some());
    let mut other = run.clone();
    apply(&mut other, Command::Cancel).unwrap();
    assert_eq!((other.state, other.away), (State::Cancelled, None));
    // The push of one may be on the target: that is not called off, and counts as no try all the same.
    for (sent, time) in [(true, 30), (false, 31), (true, 32), (false, 33)] {
        apply(&mut run, dispatch_to(2)).unwrap();
        let epoch = run.epoch;
        apply(&mut run, away(2, epoch, sent, time)).unwrap();
        assert!(apply(&mut run, Command::Cancel).is_err());
        assert_eq!(run.land_attempt, 1);
    }
    // However long it takes: given up, it would look as if nothing had landed, and could be called off.
    let day = AWAY_MAX.num_seconds();
    for (sent, time) in [(false, day + 100), (true, 2 * day), (false, 9 * day)] {
        apply(&mut run, dispatch_to(2)).unwrap();
        let epoch = run.epoch;
        apply(&mut run, away(2, epoch, sent, time)).unwrap();
        assert_eq!(run.state, State::Landing);
        assert!(apply(&mut run, Command::Cancel).is_err());
    }
    apply(&mut run, dispatch_to(1)).unwrap();
    let landed = Outcome::Landed { commit: "m".into() };
    let epoch = run.epoch;
    apply(&mut run, Command::Finish(fence(1, epoch), landed)).unwrap();
    assert_eq!((run.state, run.away), (State::Succeeded, None));
    // Nothing of this one was sent: after a day a person decides anew.
    let mut run = waiting();
    apply(&mut run, Command::Approve(approval("c"))).unwrap();
    asked_in_vain(&mut run, AWAY_TRIES - 1, 0);
    asked_in_vain(&mut run, 1, day);
    assert_eq!((run.state, run.approval), (State::Waiting, None));
}

#[test]
fn a_cancelled_run_does_not_wait_for_its_remote() {
    let mut run = after(vec![dispatch_to(1), Command::Accept(fence(1, 1))]);
    apply(&mut run, Command::Cancel).unwrap();
    apply(&mut run, away(1, 1, false, 10)).unwrap();
    assert_eq!((run.state, run.away), (State::Cancelled, None));
    let mut run = after(vec![dispatch_to(1), away(1, 1, false, 10)]);
    apply(&mut run, Command::Cancel).unwrap();
    assert_eq!((run.state, run.away), (State::Cancelled, None));
}

#[test]
fn a_job_that_reached_no_remote_has_not_looked_for_what_is_forgotten() {
    let mut run = after(vec![dispatch_to(1), Command::PutBack, dispatch_to(1)]);
    assert_eq!(run.known_epoch, Some(1));
    let epoch = run.epoch;
    apply(&mut run, away(1, epoch, false, 10)).unwrap();
    assert_eq!(run.known_epoch, Some(1));
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Work(work("c", 1))),
        Just(Outcome::Unchanged { base: None }),
        Just(Outcome::ChecksFailed(work("c", 1))),
        Just(Outcome::Failed {
            reason: Reason::AgentFailed
        }),
        Just(Outcome::Cancelled),
        Just(Outcome::Lost),
        any::<bool>().prop_map(|sent| Outcome::Away { sent }),
        Just(Outcome::Landed { commit: "m".into() }),
        Just(Outcome::Changed(work("c", 1))),
        Just(Outcome::Refused {
            reason: Reason::Conflict
        }),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        3 => (0u8..3).prop_map(dispatch_to),
        2 => (0u8..3, 0u32..6).prop_map(|(n, e)| Command::Accept(fence(n, e))),
        1 => (0u8..3, 0u32..6).prop_map(|(n, e)| Command::Renew(fence(n, e), t(90))),
        4 => (0u8..3, 0u32..6, outcome()).prop_map(|(n, e, o)| Command::Finish(fence(n, e), o)),
        2 => (0u8..3, 0u32..6, any::<bool>(), 0i64..200_000)
            .prop_map(|(n, e, sent, now)| away(n, e, sent, now)),
        1 => (0i64..200).prop_map(|s| Command::Expire(t(s))),
        2 => Just(Command::Approve(approval("c"))),
        1 => Just(Command::Reject),
        1 => Just(Command::Reply),
        1 => Just(Command::Cancel),
        1 => Just(Command::PutBack),
    ]
}

proptest! {
    /// Whatever happens in whatever order: terminal is terminal, the epoch never falls and rises only
    /// with a lease or past a time that is lost, only the holder finishes, nothing lands without a yes.
    #[test]
    fn invariants_hold_over_any_history(commands in prop::collection::vec(command(), 1..60)) {
        let mut run = Run::new(3);
        for command in commands {
            let before = run.clone();
            let result = apply(&mut run, command.clone());
            if result.is_err() {
                prop_assert_eq!(&run, &before);
            }
            prop_assert!(!before.state.is_terminal() || run == before, "{command:?} changed the end");
            prop_assert!(run.epoch >= before.epoch);
            let leased = matches!(command, Command::Dispatch { .. }) && result.is_ok();
            let put_back = command == Command::PutBack && !before.state.is_terminal();
            prop_assert_eq!(run.epoch > before.epoch, leased || put_back);
            if put_back {
                // No epoch that somebody may have been given since is given again, and no old yes counts.
                prop_assert!(run.epoch.is_multiple_of(EPOCHS_LEFT_OUT));
                prop_assert!(run.lease.is_none() && run.approval.is_none());
                prop_assert_eq!(run.known_epoch, before.known_epoch.or(Some(before.epoch)));
                prop_assert!(run.state.is_terminal() || run.reason == Some(Reason::DatabaseWentBack));
            }
            prop_assert!(!run.state.is_terminal() || run.lease.is_none());
            if let Command::Finish(given, _) = command && result.is_ok() {
                prop_assert_eq!(given.epoch, before.epoch);
                prop_assert_eq!(before.lease.as_ref().map(|l| l.runner), Some(given.runner));
            }
            if let Some(away) = run.away {
                prop_assert!(!run.state.is_terminal() && run.state != State::Waiting);
                let may_be_there = run.state == State::Landing && (run.land_attempt > 0 || run.lease.is_some());
                let is_early = away.again - away.since <= AWAY_MAX || away.tries < AWAY_TRIES;
                prop_assert!(is_early || may_be_there);
                prop_assert!(away.tries > 0);
            }
            if let Command::Away { now, .. } = command && run.lease.is_none() && result.is_ok() {
                prop_assert_eq!(run.attempt, before.attempt);
                let pause = run.waits_for_remote().map(|again| again - now);
                prop_assert!(run.wants().is_none() || pause.is_some_and(|pause| pause <= AWAY_LONGEST));
            }
            if run.state == State::Landing {
                prop_assert!(run.approval.is_some() && run.work.is_some());
            }
            if run.landed.is_some() && before.landed.is_none() {
                prop_assert!(before.approval.is_some());
            }
        }
    }
}
