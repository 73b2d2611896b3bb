//! The user: an ordinary one gets the same, and root's starts each get one of their own.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use freehold_sandbox::{HostUser, Mount, SandboxError, Spec, Tier, User, as_owner, start};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::kit::{Bench, finish, has_own_kernel};

/// In which a start of the host's root has a user of the host for itself.
const OF_THEIR_OWN: [Tier; 2] = [Tier::Sandbox, Tier::Container];

#[test]
fn an_ordinary_user_gets_the_same() {
    // As root this runs some of the other tests again as nobody; else they have run as a user.
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let nobody = 65534;
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(folder.path(), Some(nobody), Some(nobody)).unwrap();
    // Where the tests were built may be closed to others.
    let here = |name: &str, from: &std::path::Path| {
        // By another process: a descriptor of ours that writes, inherited by whatever another test
        // starts just then, would make the program "busy".
        let to = folder.path().join(name);
        assert!(
            std::process::Command::new("cp")
                .args([from, &to])
                .status()
                .unwrap()
                .success()
        );
        to
    };
    let helper = here("init", &crate::kit::init().program);
    let tests = here("tests", &std::env::current_exe().unwrap());
    let names = [
        "container_image::an_image_is_the_root_and_is_never_written",
        "container::mounts_lie_over_each_other_as_in_the_sandbox",
        "container::privileges_are_gone_and_stay_gone",
        "container::the_network_is_empty_but_for_the_ports",
        "container::the_probe_proves_the_tier",
        "end::kill_takes_the_whole_tree_and_returns_when_it_is_gone",
        "start::codes_and_signals_come_out_as_they_are",
        "start::the_probe_proves_both_tiers",
        "walls::privileges_are_gone_and_stay_gone",
        "walls::the_helper_cannot_be_looked_into_from_inside",
        "work::git_commits_in_a_mounted_repository",
    ];
    let output = std::process::Command::new(tests)
        .arg("--exact")
        .args(names)
        .env_clear()
        .env("TMPDIR", folder.path())
        .env("FREEHOLD_TEST_INIT", helper)
        .current_dir(folder.path())
        .uid(nobody)
        .gid(nobody)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("test result: ok. 11 passed"), "{told}");
}

/// The host's users behind each process that holds `mark`, without the launcher's.
fn users(mark: &str) -> std::collections::BTreeSet<u32> {
    let held = crate::kit::marked(mark).into_iter();
    held.flat_map(users_of).collect()
}

/// Real, effective, saved and of its files: proc_pid_status(5).
fn users_of(pid: i32) -> Vec<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    let numbers = line.unwrap_or_default().split_whitespace();
    numbers.map(|number| number.parse().unwrap()).collect()
}

#[tokio::test]
async fn two_starts_and_the_runner_never_share_a_user() {
    for tier in OF_THEIR_OWN {
        never_share_a_user(tier).await;
    }
}

async fn never_share_a_user(tier: Tier) {
    let (mut one, mut two) = (Bench::new(tier), Bench::new(tier));
    let mut started = Vec::new();
    for (bench, mark) in [(&mut one, "mark-one-of-two"), (&mut two, "mark-two-of-two")] {
        bench.spec.env.insert("MARK".into(), mark.into());
        let child = bench.start("exec sleep 600").await;
        let Some(uid) = child.in_force().uid else {
            // An ordinary user has no other; root of a container neither.
            return;
        };
        let seen = users(mark);
        // Who is inside a kernel of its own is no process of the host's.
        if tier == Tier::Container && has_own_kernel() {
            assert!(seen.is_empty(), "{mark}: {seen:?}");
        } else {
            assert_eq!(seen, [uid].into(), "{mark}");
        }
        // The launcher too: its death could not end the processes of another user. A container's
        // runtime stays root, and the container ends with it by other means.
        let launcher = if tier == Tier::Sandbox { uid } else { 0 };
        assert_eq!(users_of(child.pid().cast_signed()), [launcher; 4], "{mark}");
        started.push((child, uid));
    }
    let users: std::collections::BTreeSet<_> = started.iter().map(|(_, uid)| *uid).collect();
    assert_eq!(users.len(), 2);
    assert!(!users.contains(&0));
    for (mut child, _) in started {
        child.kill().await.unwrap();
    }
}

#[tokio::test]
async fn what_a_user_of_its_own_writes_is_the_runners() {
    for tier in OF_THEIR_OWN {
        writes_are_the_runners(tier).await;
    }
}

async fn writes_are_the_runners(tier: Tier) {
    use std::os::unix::fs::PermissionsExt;
    let inside = Bench::new(tier);
    // As a runner keeps them: closed to all others, on the way there too.
    for path in [inside.folder.path().to_path_buf(), inside.workspace()] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).unwrap();
    }
    std::fs::write(inside.workspace().join("old"), "old").unwrap();
    let secret = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(inside.workspace().join("old"), secret).unwrap();
    let line = "cat old && echo more >> old && mkdir -m 700 d && echo new > d/new && chmod 640 d/new \
                && busybox stat -c %u:%g old d/new && ln -s old link && rm old && mv d e";
    assert_eq!(inside.sh(line).await.good(), "old1000:1000\n1000:1000");
    let own = nix::unistd::geteuid().as_raw();
    for name in ["e", "e/new", "link"] {
        let found = inside.workspace().join(name).symlink_metadata().unwrap();
        assert_eq!(found.uid(), own, "{name}");
    }
    let mode = inside.workspace().join("e/new").metadata().unwrap().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[tokio::test]
async fn files_of_the_hosts_root_are_not_its_own() {
    for tier in OF_THEIR_OWN {
        roots_are_not_its_own(tier).await;
    }
}

async fn roots_are_not_its_own(tier: Tier) {
    let inside = Bench::new(tier);
    let mut child = inside.start("exec sleep 600").await;
    let own = child.in_force().uid;
    child.kill().await.unwrap();
    if own.is_none() {
        return;
    }
    // Else every file of root's would be its own, and only the mount would keep it from a change.
    assert_eq!(
        inside
            .sh("busybox stat -c %u /usr/bin/env /proc/sys")
            .await
            .good(),
        // The second is the kernel's: the machine's, or its own.
        if tier == Tier::Container && has_own_kernel() {
            "65534\n0"
        } else {
            "65534\n65534"
        }
    );
    assert_eq!(inside.sh("id -G; id -u").await.good(), "1000\n1000");
}

/// An overlay over a folder with the files `old` and `gone`, for a bench's workspace.
struct Overlay {
    at: PathBuf,
    lower: PathBuf,
    layers: PathBuf,
    options: OsString,
}

impl Overlay {
    fn new(bench: &Bench) -> Self {
        let folder = bench.folder.path();
        let (lower, layers) = (folder.join("lower"), folder.join("layers"));
        for made in [&lower, &layers.join("upper"), &layers.join("work")] {
            std::fs::create_dir_all(made).unwrap();
        }
        std::fs::write(lower.join("old"), "old\n").unwrap();
        std::fs::write(lower.join("gone"), "gone").unwrap();
        let (below, over) = (lower.display(), layers.display());
        let options = format!("lowerdir={below},upperdir={over}/upper,workdir={over}/work");
        Self {
            at: bench.workspace(),
            lower,
            layers,
            options: options.into(),
        }
    }

    fn of(&self, user: &HostUser) {
        let folders: [&Path; 2] = [&self.lower, &self.layers];
        user.overlay(&folders, &self.options, &self.at).unwrap();
    }

    /// The owner of a file on the disk.
    fn owner(&self, name: &str) -> u32 {
        let written = self.layers.join("upper").join(name);
        written.symlink_metadata().unwrap().uid()
    }

    fn hide(&self) {
        umount2(&self.at, MntFlags::MNT_DETACH).unwrap();
    }
}

impl Drop for Overlay {
    fn drop(&mut self) {
        let _ = umount2(&self.at, MntFlags::MNT_DETACH);
    }
}

#[tokio::test]
async fn an_overlay_of_its_own_is_roots_on_the_disk_and_anothers_next() {
    for tier in OF_THEIR_OWN {
        roots_on_the_disk_and_anothers_next(tier).await;
    }
}

async fn roots_on_the_disk_and_anothers_next(tier: Tier) {
    let Some(user) = HostUser::take().unwrap() else {
        return; // An ordinary user has no other.
    };
    let inside = Bench::new(tier);
    let overlay = Overlay::new(&inside);
    overlay.of(&user);
    let spec = |line: &str, user: &HostUser| Spec {
        user: User::Shared(user.clone()),
        ..inside.line(line)
    };
    let line =
        "busybox stat -c %u old && echo more >> old && rm gone && mkdir d && echo new > d/new";
    let child = start(&spec(line, &user)).await.unwrap();
    assert_eq!(child.in_force().uid, Some(user.uid()));
    assert_eq!(finish(child).await.unwrap().good(), "1000");
    for name in ["old", "gone", "d", "d/new"] {
        assert_eq!(overlay.owner(name), 0, "{name}");
    }
    // A place for a mount in it: made as its owner, too.
    let mut with_place = spec("test -d over/there && echo it is", &user);
    with_place.mounts.push(Mount::ReadOnly {
        source: overlay.lower.clone(),
        target: "/workspace/over/there".into(),
    });
    let child = start(&with_place).await.unwrap();
    assert_eq!(finish(child).await.unwrap().good(), "it is");
    // Root itself makes nothing in it but as its owner.
    let made = || std::fs::write(overlay.at.join("ours"), "ours");
    assert!(made().is_err());
    as_owner((user.uid(), user.uid()), made).unwrap().unwrap();
    assert_eq!(overlay.owner("ours"), 0);
    overlay.hide();
    let next = HostUser::take().unwrap().unwrap();
    assert_ne!(next.uid(), user.uid());
    overlay.of(&next);
    let child = start(&spec(
        "cat old d/new ours && rm -r ours old over; ls",
        &next,
    ))
    .await;
    let told = finish(child.unwrap()).await.unwrap();
    assert_eq!(told.good(), "old\nmore\nnew\noursd");
}

#[tokio::test]
async fn what_cannot_be_its_own_starts_nothing() {
    for tier in OF_THEIR_OWN {
        not_its_own_starts_nothing(tier).await;
    }
}

async fn not_its_own_starts_nothing(tier: Tier) {
    if HostUser::take().unwrap().is_none() {
        return;
    }
    let inside = Bench::new(tier);
    let overlay = Overlay::new(&inside);
    // The control: the folder below it is no overlay.
    inside.sh("echo x > x").await.good();
    let (kind, options) = (Some("overlay"), Some(overlay.options.as_os_str()));
    mount(kind, &overlay.at, kind, MsFlags::empty(), options).unwrap();
    let error = start(&inside.line("true")).await.unwrap_err();
    let SandboxError::Setup { step, detail, mend } = &error else {
        unreachable!("{error:?}");
    };
    assert!(step.contains("a user of the host"), "{error}");
    assert!(detail.contains(overlay.at.to_str().unwrap()), "{error}");
    assert!(mend.contains("ordinary user"), "{error}");
}
