//! Any history of commands keeps the promises of a life.
use super::*;
use proptest::prelude::*;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + second, 0).unwrap()
}

fn runner(n: u8) -> RunnerId {
    RunnerId::at(DateTime::UNIX_EPOCH, [n; 10])
}

fn commands() -> impl Strategy<Value = Command> {
    let why = prop_oneof![
        Just(Why::Asked),
        Just(Why::IdleTooLong),
        Just(Why::Start(Reason::SetupFailed))
    ];
    prop_oneof![
        (0u8..3).prop_map(|n| Command::Assign(runner(n))),
        Just(Command::Ready),
        (0u32..4).prop_map(Command::Jobs),
        Just(Command::Touch),
        why.clone().prop_map(Command::Stop),
        Just(Command::Stopped),
        why.prop_map(Command::Fail),
    ]
}

fn hosts() -> impl Strategy<Value = Host> {
    prop_oneof![
        Just(Host::There),
        Just(Host::Unaware),
        Just(Host::Draining),
        (0i64..100).prop_map(|s| Host::Away(at(s))),
        Just(Host::Revoked)
    ]
}

fn holds(env: &Environment) {
    assert_eq!(env.state.is_terminal(), env.stopped_at.is_some(), "{env:?}");
    assert!(env.state != State::Busy || env.jobs > 0, "{env:?}");
    let quiet = [State::Requested, State::Ready, State::Idle, State::Stopped];
    assert!(!quiet.contains(&env.state) || env.jobs == 0, "{env:?}");
    assert!(env.state != State::Requested || env.runner.is_none());
    assert!(!env.state.is_placed() || env.runner.is_some(), "{env:?}");
    assert!(env.state != State::Stopping || env.stopping_at.is_some());
    let ends = env.state.is_terminal() || env.state == State::Stopping;
    assert_eq!(ends, env.why.is_some(), "{env:?}");
    if matches!(env.state, State::Ready | State::Busy | State::Idle) {
        assert!(env.started_at.is_some(), "{env:?}");
    }
    if let (Some(started), Some(stopped)) = (env.started_at, env.stopped_at) {
        assert!(started <= stopped, "{env:?}");
    }
}

proptest! {
    #[test]
    fn any_history_keeps_the_promises(
        history in prop::collection::vec((commands(), -5i64..60), 0..40),
    ) {
        let mut env = Environment::new(at(0));
        let mut now = 0;
        for (command, step) in history {
            // A host's clock may go back.
            now += step;
            let before = env.clone();
            match apply(&mut env, command, at(now)) {
                Ok(changed) => prop_assert_eq!(changed, env != before),
                Err(_) => prop_assert_eq!(&env, &before),
            }
            holds(&env);
            prop_assert!(env.last_active_at >= before.last_active_at);
            if before.state.is_terminal() {
                prop_assert_eq!(&env, &before, "terminal is terminal");
            }
            if before.runner.is_some() {
                prop_assert_eq!(env.runner, before.runner, "a place is on one runner");
            }
            // Said again at once, it changes nothing more.
            let once = env.clone();
            if apply(&mut env, command, at(now)).is_ok() {
                prop_assert_eq!(&env, &once);
            }
        }
    }

    #[test]
    fn what_is_left_alone_comes_to_an_end(
        history in prop::collection::vec(commands(), 0..20),
        host in hosts(),
        by_hand: bool,
    ) {
        let mut env = Environment::new(at(0));
        for command in history {
            let _ = apply(&mut env, command, at(0));
        }
        let seen = Seen { jobs: 0, offered: 0, host, by_hand, idle: IDLE };
        // Looked at once a minute, with no job, no person and no word of the runner.
        for minute in 0..200 {
            let now = at(60 * minute);
            let mut looks = 0;
            while let Some(command) = next(&env, &seen, now) {
                prop_assert_eq!(apply(&mut env, command, now), Ok(true), "{:?} {:?}", env, command);
                holds(&env);
                looks += 1;
                prop_assert!(looks < 8, "it never comes to rest: {:?}", env);
            }
        }
        prop_assert!(env.state.is_terminal(), "{:?}", env);
    }

    #[test]
    fn seconds_are_counted_once_whatever_the_cuts(
        start in 0i64..200_000_000,
        cuts in prop::collection::vec(1i64..45_000, 1..60),
    ) {
        let from = DateTime::from_timestamp_millis(1_790_000_000_000 + start).unwrap();
        let most = TimeDelta::seconds(45);
        let (mut counted, mut now, mut sum) = (from, from, 0);
        let mut by_day = std::collections::BTreeMap::new();
        for cut in cuts {
            now += TimeDelta::milliseconds(cut);
            // What was counted is at most a second behind: a step of 44 seconds always fits.
            let (days, until) = seconds_by_day(counted, now, most + TimeDelta::seconds(1));
            for (day, seconds) in days {
                prop_assert!(seconds > 0 && seconds <= 86_400);
                *by_day.entry(day).or_insert(0) += seconds;
                sum += seconds;
            }
            counted = until;
            prop_assert!(now - counted < TimeDelta::seconds(1));
        }
        prop_assert_eq!(sum, (now - from).num_seconds());
        prop_assert!(by_day.len() <= 2);
    }
}

#[test]
fn a_gap_is_nobodys_and_midnight_parts_days() {
    let most = TimeDelta::seconds(45);
    let (none, until) = seconds_by_day(at(0), at(46), most);
    assert_eq!((none.len(), until), (0, at(46)));
    let (none, until) = seconds_by_day(at(10), at(5), most);
    assert_eq!((none.len(), until), (0, at(10)));
    let late: DateTime<Utc> = "2026-11-21T23:59:50Z".parse().unwrap();
    let (days, _) = seconds_by_day(late, late + TimeDelta::seconds(30), most);
    let days: Vec<(String, i64)> = days.into_iter().map(|(d, s)| (d.to_string(), s)).collect();
    assert_eq!(days, [("2026-11-21".into(), 10), ("2026-11-22".into(), 20)]);
}

#[test]
fn a_day_in_the_life() {
    let mut env = Environment::new(at(0));
    let seen = |jobs, host| Seen {
        jobs,
        offered: jobs,
        host,
        by_hand: false,
        idle: IDLE,
    };
    apply(&mut env, Command::Assign(runner(1)), at(1)).unwrap();
    assert_eq!(
        next(&env, &seen(1, Host::There), at(2)),
        Some(Command::Jobs(1))
    );
    apply(&mut env, Command::Jobs(1), at(2)).unwrap();
    assert_eq!(env.state, State::Busy);
    apply(&mut env, Command::Stop(Why::Asked), at(3)).unwrap();
    assert_eq!(
        apply(&mut env, Command::Stopped, at(4)),
        Err(Refusal {
            state: State::Stopping,
            verb: "ended while a job is in it"
        })
    );
    assert_eq!(next(&env, &seen(1, Host::There), at(9_999)), None);
    apply(&mut env, Command::Jobs(0), at(10)).unwrap();
    assert_eq!(next(&env, &seen(0, Host::There), at(11)), None);
    assert_eq!(
        next(&env, &seen(0, Host::Draining), at(12)),
        Some(Command::Stopped)
    );
    assert_eq!(next(&env, &seen(0, Host::Away(at(11))), at(12)), None);
    assert_eq!(
        next(&env, &seen(0, Host::Away(at(11))), at(71)),
        Some(Command::Stopped)
    );
    for why in Why::OWN
        .iter()
        .copied()
        .chain([Why::Start(Reason::Internal)])
    {
        assert_eq!(why.code().parse(), Ok(why));
        assert!(why.meaning().len() > 10);
    }
    // No code of an environment's own means something else for a run.
    assert!(
        Why::OWN
            .iter()
            .all(|why| why.code().parse::<Reason>().is_err())
    );
}
