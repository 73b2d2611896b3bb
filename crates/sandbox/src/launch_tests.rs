use std::collections::BTreeMap;

use crate::spec::{Init, Stdin};

use super::*;

#[test]
fn what_is_required_is_held_or_nothing_starts() {
    let asked = |required| Limits {
        total_memory_bytes: Some(1 << 30),
        total_tasks: Some(64),
        required,
        ..Limits::default()
    };
    let half = Held {
        memory_bytes: Some(1 << 30),
        ..Held::default()
    };
    let whole = Held {
        tasks: Some(64),
        ..half
    };
    assert_eq!(
        not_held(&asked(true), half, Held::default()),
        Some("processes and threads")
    );
    assert_eq!(
        not_held(&asked(true), Held::default(), Held::default()),
        Some("memory")
    );
    assert_eq!(not_held(&asked(true), whole, Held::default()), None);
    assert_eq!(
        not_held(&asked(false), Held::default(), Held::default()),
        None
    );
}

#[test]
fn the_users_processes_are_limited_where_all_tasks_cannot_be() {
    let spec = |tier, processes, total_tasks| Spec {
        tier,
        program: "true".into(),
        args: Vec::new(),
        env: BTreeMap::new(),
        cwd: "/".into(),
        mounts: Vec::new(),
        ports: Vec::new(),
        limits: Limits {
            processes,
            total_tasks,
            ..Limits::default()
        },
        stdin: Stdin::Null,
        terminal: None,
        image: None,
        hypervisor: None,
        runtime: None,
        user: crate::spec::User::Own,
        init: Init {
            program: "/init".into(),
            args: Vec::new(),
        },
    };
    let sandbox = spec(Tier::Sandbox, None, Some(64));
    assert_eq!(stand_in(&sandbox, None, true), Some(64));
    assert_eq!(stand_in(&sandbox, Some(64), true), None);
    assert_eq!(stand_in(&sandbox, None, false), None);
    let lower = spec(Tier::Sandbox, Some(32), Some(64));
    assert_eq!(stand_in(&lower, None, true), Some(32));
    // Elsewhere it would count all that the person runs.
    assert_eq!(
        stand_in(&spec(Tier::None, None, Some(64)), None, true),
        None
    );
}
