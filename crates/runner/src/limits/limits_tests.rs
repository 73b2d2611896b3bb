use super::*;

const ROOM: Room = Room {
    memory: 16 * GIB,
    capacity: 2,
    free: Some(100 * GIB),
};

fn walls(own: &[(Limit, u64)], owner: &[(Limit, u64)], room: Room) -> Walls {
    let own: Limits = own.iter().copied().collect();
    let mut allowed = defaults(room);
    allowed.extend(owner.iter().copied());
    Walls {
        limits: lower(&allowed, &own),
        agent: Some(("codex".into(), own)),
        ..Walls::default()
    }
}

#[test]
fn defaults_fit_the_machine_its_owner_may_change_them_and_an_agent_only_lower_them() {
    assert_eq!(defaults(ROOM)[&Limit::Memory], 6 * GIB);
    let small = Room {
        memory: GIB,
        capacity: 4,
        ..ROOM
    };
    assert_eq!(defaults(small)[&Limit::Memory], GIB / 4 * 3);
    let many = Room {
        memory: 4 * GIB,
        capacity: 4,
        ..ROOM
    };
    assert_eq!(defaults(many)[&Limit::Memory], MEMORY_LEAST);
    let unknown = Room { memory: 0, ..ROOM };
    assert_eq!(defaults(unknown)[&Limit::Memory], MEMORY_LEAST);
    let raised = walls(&[], &[(Limit::Memory, 12 * GIB)], ROOM);
    assert_eq!(raised.limits[&Limit::Memory], 12 * GIB);
    let greedy = walls(&[(Limit::Memory, 64 * GIB)], &[], ROOM);
    assert_eq!(greedy.limits[&Limit::Memory], 6 * GIB);
    let modest = walls(
        &[(Limit::Memory, GIB), (Limit::Cpu, 500)],
        &[(Limit::Cpu, 2000)],
        ROOM,
    );
    assert_eq!(
        (modest.limits[&Limit::Memory], modest.limits[&Limit::Cpu]),
        (GIB, 500)
    );
}

#[test]
fn the_words_name_the_limit_its_value_the_peak_and_where_it_is_set() {
    let walls = walls(&[(Limit::Memory, 2 * GIB)], &[], ROOM);
    let reached = |limit, value, peak| {
        walls.said(&Reached {
            limit,
            value,
            peak,
            together: false,
        })
    };
    assert_eq!(
        reached(Limit::Memory, 2 * GIB, 2 * GIB + 100 * MIB),
        "used 2.1 GiB of memory, the limit is 2 GiB (agent codex): raise it with `freehold agent edit codex --limit memory=4GiB`"
    );
    assert_eq!(
        reached(Limit::Files, FILES, FILES + 1),
        "used 2000001 files and folders, the limit is 2000000 (this runner's machine): raise it with `files = \"4000000\"` under `[limits]` in policy.toml in the runner's data directory"
    );
    let all = Reached {
        limit: Limit::Tasks,
        value: 64,
        peak: 65,
        together: true,
    };
    assert_eq!(
        walls.said(&all),
        "all runs on this runner together used 65 processes and threads, the limit is 64 (this runner's machine): start less at once, or raise it with `tasks = \"128\"` under `[limits_together]` in policy.toml in the runner's data directory"
    );
}

#[test]
fn a_virtual_machine_is_of_the_hypervisor_that_the_owner_names() {
    let walls = Walls {
        isolation: Isolation::Vm,
        ..Walls::default()
    };
    let round = |walls: &Walls| {
        let mut spec = crate::fakes::spec();
        walls.put_round(&mut spec, "agent");
        assert_eq!(spec.tier, Tier::Vm);
        spec.hypervisor
    };
    assert_eq!(round(&walls), None);
    let policy = crate::policy::Policy::parse("firecracker = '/opt/firecracker'").unwrap();
    let walls = walls.in_machines_of(policy.firecracker());
    assert_eq!(round(&walls), Some("/opt/firecracker".into()));
}

#[test]
fn an_image_is_for_what_the_project_brings_and_not_for_our_git() {
    let walls = Walls {
        isolation: Isolation::Container,
        image: Some(image("/srv/root")),
        ..Walls::default()
    };
    for (step, wanted) in [
        ("agent", true),
        ("check:a", true),
        ("collect", false),
        ("stage", false),
    ] {
        let mut spec = crate::fakes::spec();
        spec.mounts = host_root();
        walls.put_round(&mut spec, step);
        assert_eq!(spec.tier, Tier::Container);
        assert_eq!(spec.image.is_some(), wanted, "{step}");
        assert_eq!(spec.mounts.is_empty(), wanted, "{step}");
    }
    assert!(matches!(image("debian@sha256:0"), Image::Name(_)));
}
