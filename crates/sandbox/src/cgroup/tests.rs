use super::*;

/// A folder with the files that the kernel would put there; nothing of it limits anything.
fn pretend(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn group(version: &'static str, folder: &Path) -> std::mem::ManuallyDrop<Group> {
    let place = Some(folder.to_path_buf());
    // Its end would wait for files that no kernel takes away.
    std::mem::ManuallyDrop::new(Group::at(version, place.clone(), place.clone(), place))
}

fn asked() -> Limits {
    Limits {
        total_memory_bytes: Some(1 << 30),
        total_tasks: Some(99),
        cpu_milli: Some(1500),
        ..Limits::default()
    }
}

#[test]
fn each_version_is_told_in_its_own_words() {
    let text = |folder: &Path, name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let names = ["memory.max", "memory.swap.max", "pids.max", "cpu.max"];
    let folder = pretend(&names.map(|name| (name, "")));
    let held = group("v2", folder.path()).set(&asked());
    assert_eq!(
        names.map(|name| text(folder.path(), name)),
        ["1073741824", "0", "99", "150000 100000"]
    );
    let all = Held {
        memory_bytes: Some(1 << 30),
        tasks: Some(99),
        cpu_milli: Some(1500),
    };
    assert_eq!(held, all);

    let names = [
        "memory.limit_in_bytes",
        "memory.memsw.limit_in_bytes",
        "pids.max",
        "cpu.cfs_period_us",
        "cpu.cfs_quota_us",
    ];
    let folder = pretend(&names.map(|name| (name, "")));
    assert_eq!(group("v1", folder.path()).set(&asked()), all);
    assert_eq!(
        names.map(|name| text(folder.path(), name)),
        ["1073741824", "1073741824", "99", "100000", "150000"]
    );
}

#[test]
fn a_limit_that_cannot_be_set_is_not_told_as_held() {
    let folder = pretend(&[("pids.max", "")]);
    let held = group("v2", folder.path()).set(&asked());
    assert_eq!(
        held,
        Held {
            tasks: Some(99),
            ..Held::default()
        }
    );
    assert!(!folder.path().join("memory.max").exists());
}

#[test]
fn what_happened_is_read_as_each_version_writes_it() {
    let held = Held {
        memory_bytes: Some(4200),
        tasks: Some(1),
        cpu_milli: None,
    };
    let seen = |version, files: &[(&str, &str)]| {
        let folder = pretend(files);
        let mut group = group(version, folder.path());
        group.held = held;
        group.facts()
    };
    let v2 = [
        ("memory.peak", "4096\n"),
        ("memory.events", "low 0\nmax 9\noom 2\noom_kill 1\n"),
        ("pids.peak", "7\n"),
        ("pids.events", "max 3\n"),
    ];
    let all = Facts {
        held,
        peak_memory_bytes: Some(4096),
        peak_tasks: Some(7),
        out_of_memory: true,
        out_of_tasks: true,
        together: Together::default(),
    };
    assert_eq!(seen("v2", &v2), all);
    let v1 = [
        ("memory.max_usage_in_bytes", "4096\n"),
        (
            "memory.oom_control",
            "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
        ),
        ("pids.peak", "7\n"),
        ("pids.events", "max 3\n"),
    ];
    assert_eq!(seen("v1", &v1), all);
    // Killed because the whole machine had no memory left: no limit of ours was reached.
    let machine = [
        ("memory.events", "max 0\noom 0\noom_kill 1\n"),
        ("memory.peak", "2000\n"),
    ];
    assert!(!seen("v2", &machine).out_of_memory);
}

#[test]
fn what_a_dead_runner_left_is_removed_and_what_a_living_one_has_is_not() {
    let mine = owner(std::process::id().cast_signed()).unwrap();
    let namespace = mine.split('-').next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let left = [
        format!("freehold-{mine}-0"),
        format!("freehold-{namespace}-1-1-0"),
        format!("freehold-{namespace}-{}-1-12", std::process::id()),
        "freehold-1-999999999-5-3".to_owned(),
        "freehold-runner".to_owned(),
        "freehold-of-a-person".to_owned(),
        "something".to_owned(),
    ];
    for name in &left {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    sweep(folder.path());
    let still = left.map(|name| folder.path().join(name).exists());
    // The second and third name processes of this namespace with another birth.
    assert_eq!(still, [true, false, false, true, true, true, true]);
}

#[test]
fn a_containers_runtime_is_told_of_a_place_in_version_2() {
    let at = |version, folder: &str| group(version, Path::new(folder)).place();
    let own = "/sys/fs/cgroup/given.scope/freehold-1";
    assert_eq!(at("v2", own), Some("/given.scope/freehold-1".into()));
    assert_eq!(at("v1", own), None);
    // Where a runtime does not look, it cannot be told of one.
    assert_eq!(at("v2", "/cgroup/freehold-1"), None);
}
